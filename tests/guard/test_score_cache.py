"""What is known is not computed again: around a real engine, a scripted scorer and a real redis-server."""

from __future__ import annotations

import asyncio
import math
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bge_reranker.configuration import load_settings
from bge_reranker.errors import DocumentTooLong, NonFiniteScore, QueueFull
from bge_reranker.guard.redis import connect
from bge_reranker.guard.redis_observer import Outcome, Part
from bge_reranker.guard.score_cache.cache import ScoreCache, Use, create_score_cache
from bge_reranker.guard.score_cache.entry import Entry, sealed, unsealed
from bge_reranker.guard.score_cache.flights import Terms
from bge_reranker.guard.score_cache.keys import pair_keys
from bge_reranker.guard.score_cache.memory import ENTRY_BYTES, MemoryScores
from bge_reranker.observe.metrics import Metrics
from bge_reranker.ranking.ranker import NOBODY, Asker
from bge_reranker.ranking.ranking import Ranking, ScoreSource
from bge_reranker.ranking.request import RankRequest
from bge_reranker.ranking.served_model import ServedModel
from bge_reranker.settings import EngineSettings
from tests.live.redis_server import RedisServer, redis_server
from tests.live.scripted_scorer import ScriptedScorer
from tests.live.server import WAIT_S, model_of


@dataclass
class Counted:
    """What observers have seen."""

    found: Counter[str] = field(default_factory=Counter)
    redis: Counter[str] = field(default_factory=Counter)

    def scores_found(self, where: ScoreSource, documents: int) -> None:
        self.found[where] += documents

    def keep_scores(self, entries: Callable[[], int]) -> None:
        assert entries() == 0

    def redis_asked(self, part: Part, outcome: Outcome) -> None:
        assert part == "cache"
        self.redis[outcome] += 1

    def redis_breaker(self, *, is_open: bool) -> None:
        self.redis["open"] = int(is_open)


class Setup:
    def __init__(self, folder: Path) -> None:
        self.scorer, self.counted, self.executor = ScriptedScorer(), Counted(), ThreadPoolExecutor(1)
        self.model: ServedModel = model_of(folder, load_settings(), self.scorer, Metrics(), self.executor)
        self.cache = self.make_cache(score_cache_bytes=1_000_000)
        self.before_pairs = self.scorer.scored_pairs

    def make_cache(self, **flags: object) -> ScoreCache:
        settings = load_settings(flags=flags)
        cache = create_score_cache(settings.scores, connect(settings.guard, self.counted), self.executor, self.counted)
        assert cache is not None
        return cache

    @property
    def scored_pairs(self) -> int:
        return self.scorer.scored_pairs - self.before_pairs

    def rank(self, documents: Sequence[str], **options: Any) -> Ranking:
        return asyncio.run(self.rank_async(documents, **options))

    async def rank_async(
        self, documents: Sequence[str], *, cache: ScoreCache | None = None, use: Use = "look_up", **options: Any
    ) -> Ranking:
        request = replace(RankRequest("q", list(documents)), **options)
        return await (cache or self.cache).rank(self.model, request, WAIT_S, NOBODY, use)


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.scorer.gate.set()
    made.model.engine.close(WAIT_S)
    made.executor.shutdown()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


def test_known_scores_are_not_computed_again_and_nothing_of_the_answer_differs(setup: Setup) -> None:
    documents = ["good", "bad bad", "good " * 100]
    first, again = setup.rank(documents), setup.rank(documents)
    assert setup.scored_pairs == 3
    assert (first.known_documents, again.known_documents) == (0, 3)
    for name in ("logits", "tokens", "truncated"):
        assert getattr(first, name).tolist() == getattr(again, name).tolist()
    assert again.truncated.tolist() == [False, False, True]
    assert setup.counted.found == {"computed": 3, "memory": 3}


def test_of_a_half_known_request_only_the_rest_is_computed_and_equal_documents_once(setup: Setup) -> None:
    setup.rank(["good", "bad"])
    ranking = setup.rank(["a", "good", "good good", "a", "bad"])
    assert setup.scored_pairs == 4
    assert ranking.logits.tolist() == [0.0, 1.0, 2.0, 0.0, -1.0]
    assert ranking.known_documents == 3
    assert ranking.order() == [2, 1, 0, 3, 4]
    assert setup.counted.found["duplicate"] == 1


def test_several_queries_have_scores_of_their_own(setup: Setup) -> None:
    documents, queries = ["good", "good", "bad"], ["q", "good", "q"]
    first = setup.rank(documents, queries=queries)
    again = setup.rank(documents, queries=queries)
    assert setup.scored_pairs == 3
    assert first.logits.tolist() == again.logits.tolist() == [1.0, 2.0, -1.0]
    assert setup.rank(["good"], queries=["good"]).logits.tolist() == [2.0]
    assert setup.scored_pairs == 3


def test_a_known_score_of_windows_is_that_of_its_policy(setup: Setup) -> None:
    document = "bad " * 60 + "good " * 30
    scores = [setup.rank([document], long_documents=policy).logits[0] for policy in ("cut", "windows_max") * 2]
    assert scores[0] == scores[2] != scores[1] == scores[3]


def test_a_score_without_a_number_is_not_kept_and_fails_its_document_only(setup: Setup) -> None:
    for _ in range(2):
        ranking = setup.rank(["good", "nan"])
        assert [type(error) for error in ranking.errors.values()] == [NonFiniteScore]
        assert ranking.order() == [0]
    assert setup.counted.found == {"computed": 3, "memory": 1}
    with pytest.raises(NonFiniteScore):
        setup.rank(["nan"])


def test_a_refusal_of_the_rest_is_one_of_the_whole_and_names_documents_as_the_caller_does(setup: Setup) -> None:
    setup.rank(["good"], long_documents="reject")
    with pytest.raises(DocumentTooLong, match="document 1 has more than"):
        setup.rank(["good", "good " * 100], long_documents="reject")


def test_a_request_may_have_everything_computed_now_or_nothing_kept(setup: Setup) -> None:
    assert setup.rank(["good"], use="bypass").known_documents is None
    assert setup.rank(["good"]).known_documents == 0
    assert setup.rank(["good"], use="refresh").known_documents == 0
    assert setup.scored_pairs == 3
    assert setup.rank(["good"]).known_documents == 1


def test_equal_requests_in_flight_are_computed_once(setup: Setup) -> None:
    async def ask_twice() -> list[Ranking]:
        setup.scorer.gate.clear()
        first = asyncio.create_task(setup.rank_async(["good", "bad"]))
        await asyncio.to_thread(setup.scorer.computing.wait, WAIT_S)
        second = asyncio.create_task(setup.rank_async(["bad", "good"]))
        await asyncio.sleep(0)
        setup.scorer.gate.set()
        return [await first, await second]

    first, second = asyncio.run(ask_twice())
    assert setup.scored_pairs == 2
    assert (first.logits.tolist(), second.logits.tolist()) == ([1.0, -1.0], [-1.0, 1.0])
    assert setup.counted.found["in_flight"] == 2


def test_who_waits_for_a_request_that_is_cancelled_computes_itself(setup: Setup) -> None:
    async def leave_the_second_alone() -> Ranking:
        setup.scorer.gate.clear()
        setup.scorer.computing.clear()
        first = asyncio.create_task(setup.rank_async(["good", "bad"]))
        await asyncio.to_thread(setup.scorer.computing.wait, WAIT_S)
        second = asyncio.create_task(setup.rank_async(["good", "bad"]))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        setup.scorer.gate.set()
        return await second

    assert asyncio.run(leave_the_second_alone()).logits.tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    ("party", "documents", "suits"), [("a", 20, True), ("a", 30, True), ("a", 19, False), ("b", 20, False)]
)
def test_who_asks_for_less_or_is_somebody_else_does_not_wait_for_a_job(
    party: str,
    documents: int,
    suits: bool,  # noqa: FBT001 - of a table
) -> None:
    job = Terms(0, 5.0, "a", 20)
    assert job.suit(Terms(0, 5.0, party, documents)) == suits


def test_who_is_in_more_of_a_hurry_does_not_wait_for_others(setup: Setup) -> None:
    async def ask_urgently() -> None:
        setup.scorer.gate.clear()
        setup.scorer.computing.clear()
        first = asyncio.create_task(setup.rank_async(["good"], priority=5))
        await asyncio.to_thread(setup.scorer.computing.wait, WAIT_S)
        second = asyncio.create_task(setup.rank_async(["good"]))
        await asyncio.sleep(0)
        setup.scorer.gate.set()
        await asyncio.gather(first, second)

    asyncio.run(ask_urgently())
    assert setup.counted.found == {"computed": 2}


def test_who_takes_parts_gets_what_is_known_where_the_rest_is_refused(setup: Setup) -> None:
    setup.rank(["good"])
    with setup.model.engine.reserve(EngineSettings().max_queue_tokens, math.inf):
        ranking = setup.rank(["good", "bad"], is_partial=True)
        assert (ranking.is_partial, ranking.order()) == (True, [0])
        with pytest.raises(QueueFull):
            setup.rank(["good", "bad"])


def test_callers_share_scores_unless_each_is_to_have_its_own(setup: Setup) -> None:
    apart = setup.make_cache(score_cache_bytes=1_000_000, score_cache_scope="caller")
    for cache, known in ((setup.cache, 1), (apart, 0)):
        rankings = [
            asyncio.run(cache.rank(setup.model, RankRequest("q", ["good"]), WAIT_S, Asker(name))) for name in "ab"
        ]
        assert rankings[1].known_documents == known


def test_a_key_follows_everything_that_a_score_depends_on_and_holds_no_text(setup: Setup) -> None:
    request = RankRequest("query", ["document"])
    policy = setup.model.ranker.policy_of(request)
    described = replace(setup.model.description, precision="int8")
    variants = [
        (setup.model, policy, request, ""),
        (replace(setup.model, digest="e" * 64), policy, request, ""),
        (replace(setup.model, description=described), policy, request, ""),
        (setup.model, policy.under_preset("flagreranker"), request, ""),
        (setup.model, replace(policy, max_document_tokens=7), request, ""),
        (setup.model, policy, RankRequest("quer", ["ydocument"]), ""),
        (setup.model, policy, request, "tenant"),
    ]
    keys = [pair_keys(*variant)[0] for variant in variants]
    assert len(set(keys)) == len(variants)
    assert pair_keys(setup.model, policy, request, "")[0] == keys[0]
    assert not any(b"document" in key or b"query" in key for key in keys)
    assert pair_keys(setup.model, policy, RankRequest("q", ["\ud800"]), "")


@pytest.mark.parametrize("logit", [0.1, -0.0, 1e-42, 3.4e38])
def test_an_entry_keeps_every_bit_of_its_logit(logit: float) -> None:
    entry = Entry(np.float32(logit), 4_000_000_000, truncated=True)
    again = Entry.unpacked(entry.packed())
    assert again == entry
    assert np.float32(again.logit).tobytes() == np.float32(logit).tobytes()


def test_only_what_was_sealed_for_its_key_is_taken_for_a_score() -> None:
    packed = Entry(np.float32(1.5), 7, truncated=False).packed()
    whole = sealed(b"key", packed)
    assert unsealed(b"key", whole) == packed
    not_a_number = Entry(np.float32(math.nan), 7, truncated=False).packed()
    too_many = Entry(np.float32(1.5), 4_000_000_000, truncated=False).packed()
    unsound = [sealed(b"key", each) for each in (not_a_number, too_many)]
    for garbage in (None, b"", whole[:-1], whole + b"x", bytes(len(whole)), "text", *unsound):
        assert unsealed(b"key", garbage) is None
    assert unsealed(b"other", whole) is None


def test_scores_in_memory_stay_within_their_bytes_and_the_last_used_stay() -> None:
    entries = 20_000
    tracemalloc.start()
    scores = MemoryScores(entries * ENTRY_BYTES)
    for number in range(2 * entries):
        scores.put(number.to_bytes(20, "little"), Entry(np.float32(number), 7, truncated=False).packed())
        assert scores.get((0).to_bytes(20, "little")) is not None
    used_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(scores) == entries
    assert used_bytes <= entries * ENTRY_BYTES


@asynccontextmanager
async def shared(setup: Setup, redis: RedisServer, **flags: object) -> AsyncIterator[ScoreCache]:
    """The cache of one replica, which keeps nothing itself."""
    cache = setup.make_cache(**{"share_scores": True, "redis_url": redis.url, "redis_timeout_ms": 500, **flags})
    yield cache
    assert cache._shared is not None
    await cache._shared._redis.close()


async def written(cache: ScoreCache) -> None:
    assert cache._shared is not None
    await asyncio.gather(*cache._shared._writes)


def test_replicas_find_one_anothers_scores_in_redis(setup: Setup, redis: RedisServer) -> None:
    with redis.client() as client:
        client.flushall()

    async def ask_two_replicas() -> Ranking:
        async with shared(setup, redis, score_ttl_s=100) as first, shared(setup, redis) as second:
            await setup.rank_async(["good", "bad"], cache=first)
            await written(first)
            ranking = await setup.rank_async(["good", "bad", "a"], cache=second)
            await written(second)
            return ranking

    ranking = asyncio.run(ask_two_replicas())
    assert ranking.logits.tolist() == [1.0, -1.0, 0.0]
    assert (ranking.known_documents, setup.scored_pairs) == (2, 3)
    assert setup.counted.found == {"computed": 3, "redis": 2}
    with redis.client() as client:
        keys = client.keys()
        assert len(keys) == 3
        assert all(b"good" not in key and b"bad" not in key for key in keys)
        assert sorted(client.ttl(key) > 100 for key in keys) == [False, False, True]


def test_garbage_in_redis_is_computed_over(setup: Setup, redis: RedisServer) -> None:
    with redis.client() as client:
        client.flushall()

    async def ask_around_garbage() -> Ranking:
        async with shared(setup, redis) as cache:
            await setup.rank_async(["good", "bad", "a"], cache=cache)
            await written(cache)
            with redis.client() as client:
                keys = sorted(client.keys())
                client.set(keys[0], b"\xff" * 15)
                client.set(keys[1], client.get(keys[2]) or b"")
                client.delete(keys[2])
                client.lpush(keys[2], "a list")
            ranking = await setup.rank_async(["good", "bad", "a"], cache=cache)
            await written(cache)
            return ranking

    ranking = asyncio.run(ask_around_garbage())
    assert (ranking.logits.tolist(), ranking.known_documents) == ([1.0, -1.0, 0.0], 0)


def test_requests_go_on_while_redis_is_frozen_full_restarted_or_refuses(setup: Setup, tmp_path: Path) -> None:
    async def ask(server: RedisServer, document: str, times: int = 5) -> None:
        async with shared(setup, server, redis_timeout_ms=20) as cache:
            for number in range(times):
                ranking = await setup.rank_async([f"{document} {number}"], cache=cache)
                assert (ranking.errors, ranking.known_documents) == ({}, 0)
                await written(cache)

    with redis_server(tmp_path) as server:
        server.freeze()
        asyncio.run(ask(server, "frozen"))
        server.thaw()
        assert setup.counted.redis["timed_out"] == 3
        assert setup.counted.redis["skipped"] > 0
        with server.client() as client:
            client.config_set("maxmemory", "1")
        asyncio.run(ask(server, "full"))
        with server.client() as client:
            client.config_set("requirepass", "secret")
        asyncio.run(ask(server, "refusing"))
        server.kill()
        asyncio.run(ask(server, "gone"))
        server.start()
        setup.counted.redis.clear()
        asyncio.run(ask(server, "restarted"))
        assert setup.counted.redis["ok"] > 0
    assert setup.counted.redis["failed"] == 0
