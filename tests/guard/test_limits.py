"""Limits of callers: in one process, in several with a real redis-server, and with one that is not well."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bge_reranker.configuration import load_settings
from bge_reranker.errors import RateLimited
from bge_reranker.guard.limits import Limits, create_limits
from bge_reranker.guard.redis import SharedRedis, connect
from tests.live.redis_server import RedisServer, redis_server

from .observer import Noted


class Clock:
    def __init__(self) -> None:
        self.now = 6007.0

    def __call__(self) -> float:
        return self.now


async def used(limits: Limits, party: str = "a", tokens: int = 1) -> bool:
    """Whether one more request passes."""
    try:
        limits.admit(party)
        await limits.charge(party, tokens)
    except RateLimited:
        return False
    return True


async def passed(limits: Limits, times: int, party: str = "a", tokens: int = 1) -> int:
    return sum([await used(limits, party, tokens) for _ in range(times)])


def test_without_limits_nothing_is_counted() -> None:
    assert create_limits(load_settings().guard, None) is None


def test_each_caller_has_a_share_of_its_own() -> None:
    async def run() -> None:
        limits = Limits(5, None)
        assert [await passed(limits, 10, party) for party in "ab"] == [5, 5]

    asyncio.run(run())


def test_a_refusal_names_the_limit_and_the_seconds_after_which_it_passes() -> None:
    clock = Clock()
    limits = Limits(5, None, clock=clock)
    for _ in range(5):
        limits.admit("a")
    clock.now += 30
    with pytest.raises(RateLimited, match="5 requests in any minute") as raised:
        limits.admit("a")
    wait_s = raised.value.retry_after_s
    assert wait_s is not None
    clock.now += wait_s - 0.1
    with pytest.raises(RateLimited):
        limits.admit("a")
    clock.now += 0.1
    limits.admit("a")


def test_what_a_request_used_counts_and_not_what_was_estimated() -> None:
    async def run() -> None:
        limits = Limits(None, 1000)
        (await limits.charge("a", 900)).settle(100)
        (await limits.charge("a", 900)).settle(100)
        with pytest.raises(RateLimited, match="1000 tokens"):
            await limits.charge("a", 900)

    asyncio.run(run())


def test_a_request_larger_than_the_share_passes_once_and_is_paid_for_afterwards() -> None:
    async def run() -> None:
        clock = Clock()
        limits = Limits(None, 1000, clock=clock)
        (await limits.charge("a", 5000)).settle(3000)
        for minutes, passes in ((1, False), (1.5, False), (2, True)):
            clock.now = 6007 + 60 * minutes
            assert await used(limits) is passes

    asyncio.run(run())


def test_whoever_has_no_tokens_left_is_refused_before_the_body_is_read() -> None:
    async def run() -> None:
        limits = Limits(None, 1000)
        (await limits.charge("a", 1000)).settle(1000)
        with pytest.raises(RateLimited, match="tokens"):
            limits.admit("a")
        limits.admit("b")

    asyncio.run(run())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(running: RedisServer) -> str:
    running.client().flushall()
    return running.url


def shared(url: str, noted: Noted | None = None, timeout_ms: float = 1000) -> SharedRedis:
    flags = {"redis_url": url, "redis_timeout_ms": timeout_ms}
    made = connect(load_settings(flags=flags).guard, noted or Noted())
    assert made is not None
    return made


def test_replicas_share_what_they_count(redis_url: str) -> None:
    async def run() -> None:
        redises = [shared(redis_url) for _ in range(3)]
        replicas = [Limits(10, None, redis) for redis in redises]
        assert sum([await passed(replica, 10) for replica in replicas]) == 10
        assert await passed(replicas[2], 10, party="b") == 10
        for redis in redises:
            await redis.close()

    asyncio.run(run())


def test_replicas_share_tokens_and_what_was_used_of_them(redis_url: str) -> None:
    async def run() -> None:
        redises = [shared(redis_url) for _ in range(2)]
        first, second = (Limits(100, 1000, redis) for redis in redises)
        (await first.charge("a", 900)).settle(100)
        await asyncio.gather(*first._settling)
        (await second.charge("a", 900)).settle(900)
        await asyncio.gather(*second._settling)
        with pytest.raises(RateLimited, match="tokens") as raised:
            await first.charge("a", 100)
        assert raised.value.retry_after_s is not None
        assert 0 < raised.value.retry_after_s <= 120
        for redis in redises:
            await redis.close()

    asyncio.run(run())


def test_what_redis_refuses_counts_nowhere_so_that_the_time_that_is_told_is_true(
    redis_url: str, running: RedisServer
) -> None:
    async def run() -> None:
        redises = [shared(redis_url) for _ in range(2)]
        clock = Clock()
        first, second = (Limits(10, None, redis, clock) for redis in redises)
        assert await passed(first, 10) == 10
        assert await passed(second, 10) == 0
        # As if the minute were over.
        running.client().flushall()
        assert await passed(second, 10) == 10
        for redis in redises:
            await redis.close()

    asyncio.run(run())


def test_what_redis_was_not_charged_with_is_not_given_back_to_it(redis_url: str, running: RedisServer) -> None:
    async def run() -> None:
        away, well = shared("redis://127.0.0.1:9/0"), shared(redis_url)
        limits = Limits(None, 1000, away)
        charge = await limits.charge("a", 900)
        limits._shared = Limits(None, 1000, well)._shared
        charge.settle(10)
        await asyncio.gather(*limits._settling)
        for redis in (away, well):
            await redis.close()

    asyncio.run(run())
    assert running.client().keys() == []


def test_redis_holds_no_name_of_a_caller(redis_url: str, running: RedisServer) -> None:
    async def run() -> None:
        redis = shared(redis_url)
        assert await used(Limits(10, 1000, redis), party="token:somebody@example.com")
        await redis.close()

    asyncio.run(run())
    keys = list(running.client().scan_iter())
    assert len(keys) == 2
    assert not any(b"somebody" in key for key in keys)
    assert all(running.client().ttl(key) != -1 for key in keys)


def test_requests_go_on_within_this_process_limit_while_redis_is_away() -> None:
    async def run() -> None:
        noted = Noted()
        limits = Limits(10, 1000, shared("redis://127.0.0.1:1/0", noted))
        assert await passed(limits, 20) == 10
        assert noted.is_open

    asyncio.run(run())


def test_redis_that_comes_back_empty_is_counted_in_again(tmp_path: Path) -> None:
    async def run() -> None:
        with redis_server(tmp_path) as server:
            redis = shared(server.url)
            limits = Limits(100, None, redis)
            assert await passed(limits, 5) == 5
            server.kill()
            assert await passed(limits, 5) == 5
            server.start()
            redis._breaker.succeeded()
            assert await passed(limits, 5) == 5
            assert len(list(server.client().scan_iter())) == 1
            await redis.close()

    asyncio.run(run())


def test_what_somebody_else_has_put_there_is_no_failure_of_the_request(running: RedisServer, redis_url: str) -> None:
    async def run() -> None:
        noted = Noted()
        redis = shared(redis_url, noted)
        limits = Limits(10, None, redis)
        assert await passed(limits, 1) == 1
        for key in list(running.client().scan_iter()):
            running.client().delete(key)
            running.client().lpush(key, "garbage")
        assert await passed(limits, 1) == 1
        assert noted.asked == {"ok": 1, "failed": 1}
        await redis.close()

    asyncio.run(run())
