"""Redis as it may be met: well, frozen, away, full, with another password; and what a request notices of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bge_reranker.configuration import load_settings
from bge_reranker.errors import SettingsError
from bge_reranker.guard.redis import SharedRedis, connect
from bge_reranker.guard.redis_observer import RedisUnavailable
from tests.guard.observer import Noted
from tests.live.redis_server import RedisServer, redis_server

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


def connected(noted: Noted, **flags: object) -> SharedRedis:
    shared = connect(load_settings(flags=flags).guard, noted)
    assert shared is not None
    return shared


def outcomes(shared: SharedRedis, times: int) -> list[bool]:
    """Ping so often; whether each was answered."""

    async def ask() -> list[bool]:
        answered = []
        for _ in range(times):
            try:
                await shared.ask("limits", shared.client.ping)  # type: ignore[arg-type] # both ways in one declaration
                answered.append(True)
            except RedisUnavailable:
                answered.append(False)
        await shared.close()
        return answered

    return asyncio.run(ask())


def test_without_an_address_there_is_no_redis() -> None:
    assert connect(load_settings().guard, Noted()) is None


def test_a_server_that_is_well_answers(running: RedisServer) -> None:
    noted = Noted()
    assert outcomes(connected(noted, redis_url=running.url, redis_timeout_ms=1000), 5) == [True] * 5
    assert noted.asked == {"ok": 5}


def test_a_server_that_is_away_is_asked_three_times_and_then_left_alone() -> None:
    noted = Noted()
    assert outcomes(connected(noted, redis_url=NOWHERE), 10) == [False] * 10
    assert noted.asked == {"failed": 3, "skipped": 7}
    assert noted.is_open


def test_a_server_that_does_not_answer_in_time_is_left_alone_and_asked_again_later(running: RedisServer) -> None:
    noted, now = Noted(), [0.0]
    settings = load_settings(flags={"redis_url": running.url, "redis_timeout_ms": 300}).guard
    made = connect(settings, noted)
    assert made is not None
    shared = SharedRedis(made.pool, 0.3, noted, clock=lambda: now[0])
    running.freeze()
    assert outcomes(shared, 5) == [False] * 5
    assert noted.asked == {"timed_out": 3, "skipped": 2}
    running.thaw()
    now[0] = 5.0
    assert outcomes(shared, 3) == [True] * 3
    assert not noted.is_open


def test_a_full_server_is_no_failure_of_the_request(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory", "1", "--maxmemory-policy", "noeviction") as full:
        noted = Noted()
        shared = connected(noted, redis_url=full.url, redis_timeout_ms=1000)

        async def write() -> None:
            with pytest.raises(RedisUnavailable):
                await shared.ask("limits", lambda: shared.client.set("a", "b"))
            await shared.close()

        asyncio.run(write())
        assert noted.asked == {"failed": 1}


def test_a_rotated_password_is_read_with_the_next_connection(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first-password\n")
    with redis_server(tmp_path, "--requirepass", "first-password") as server:
        flags = {"redis_url": server.url, "redis_password_file": str(file), "redis_timeout_ms": 1000}
        assert outcomes(connected(Noted(), **flags), 1) == [True]
        shared = connected(Noted(), **flags)
        server.client("first-password").config_set("requirepass", "second-password")
        assert outcomes(shared, 1) == [False]
        file.write_text("second-password\n")
        assert outcomes(shared, 1) == [True]


def test_a_user_in_the_address_has_the_password_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("its-password\n")
    with redis_server(tmp_path, "--user", "search", "on", ">its-password", "~*", "+@all") as server:
        url = server.url.replace("redis://", "redis://search@")
        noted = Noted()
        shared = connected(noted, redis_url=url, redis_password_file=str(file), redis_timeout_ms=1000)

        async def who() -> object:
            try:
                return await shared.ask("limits", shared.client.acl_whoami)
            finally:
                await shared.close()

        assert asyncio.run(who()) in {"search", b"search"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"redis_url": "redis://host/0?password=hush-hush"}, "redisUrl holds a password"),
        ({"redis_url": "redis://:hush-hush@host:6379/0"}, "redisUrl holds a password"),
        ({"redis_url": "redis://:hush-hush@host:99999/0"}, "must be an address"),
        ({"redis_url": NOWHERE, "redis_password_file": "/absent/password"}, "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_without_a_password_being_shown(
    flags: dict[str, str], words: str
) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        connected(Noted(), **flags)
    assert "hush-hush" not in raised.value.sentence()
