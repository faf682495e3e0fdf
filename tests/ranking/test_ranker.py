"""The shared path from request to ranking, around a real engine and a scripted scorer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bge_reranker.engine.engine import Engine
from bge_reranker.errors import DeadlineExceeded, DocumentTooLong, NonFiniteScore
from bge_reranker.ranking.ranker import Ranker
from bge_reranker.ranking.request import RankRequest
from bge_reranker.settings import EngineSettings, TextSettings
from bge_reranker.text.encoder import EncodedRequest, PairEncoder
from bge_reranker.text.policy import TextPolicy, resolve_policy
from tests.engine.fakes import FakeScorer
from tests.live.scripted_scorer import MAX_PAIR_TOKENS, ScriptedScorer, write_tokenizer

WAIT_S = 20.0


class HeldEncoder:
    """Tokenises only once it is let; says when it has begun."""

    def __init__(self, encoder: PairEncoder) -> None:
        self._encoder = encoder
        self.begun, self.let = threading.Event(), threading.Event()
        self.let.set()

    def encode(
        self,
        query: str,
        documents: Sequence[str],
        policy: TextPolicy,
        checkpoint: Callable[[int], None],
        indices: Sequence[int] | None,
    ) -> EncodedRequest:
        self.begun.set()
        assert self.let.wait(WAIT_S)
        return self._encoder.encode(query, documents, policy, checkpoint, indices)

    def estimate_tokens(self, queries: Sequence[str], documents: Sequence[str], policy: TextPolicy) -> int:
        return self._encoder.estimate_tokens(queries, documents, policy)


class Setup:
    def __init__(self, folder: Path) -> None:
        self.scorer = ScriptedScorer()
        self.engine = Engine(self.scorer, EngineSettings(max_batch_tokens=4_096))
        self.engine.start()
        self.engine.wait_until_ready(WAIT_S)
        self.encoder = HeldEncoder(PairEncoder.from_directory(write_tokenizer(folder)))
        self.executor = ThreadPoolExecutor(1)
        policy = resolve_policy(TextSettings(), MAX_PAIR_TOKENS)
        self.ranker = Ranker(self.encoder, self.engine, policy, self.executor)  # type: ignore[arg-type] # its protocol
        self.warm_up_pairs = self.scorer.scored_pairs


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.executor.shutdown()
    made.engine.close(WAIT_S)


def test_waiting_and_asynchronous_ranking_agree(setup: Setup) -> None:
    request = RankRequest("q", ["bad", "good " * 3] * 500)
    waited = setup.ranker.rank(request, WAIT_S)
    awaited = asyncio.run(setup.ranker.rank_async(request, WAIT_S))
    assert waited.order() == awaited.order()
    assert waited.logits.tolist() == awaited.logits.tolist() == [-1.0, 3.0] * 500


def test_a_caller_that_goes_while_its_texts_are_tokenised_costs_no_computation(setup: Setup) -> None:
    setup.encoder.let.clear()

    async def ask_and_leave() -> None:
        task = asyncio.create_task(setup.ranker.rank_async(RankRequest("q", ["good " * 100] * 100), WAIT_S))
        await asyncio.to_thread(setup.encoder.begun.wait, WAIT_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        setup.encoder.let.set()

    asyncio.run(ask_and_leave())
    setup.executor.submit(lambda: None).result(WAIT_S)
    assert setup.engine.backlog_tokens == 0
    assert setup.scorer.scored_pairs == setup.warm_up_pairs


def test_a_text_that_does_not_fit_gives_its_place_in_the_queue_back(setup: Setup) -> None:
    with pytest.raises(DocumentTooLong):
        setup.ranker.rank(RankRequest("q", ["good " * 100], long_documents="reject"), WAIT_S)
    assert setup.engine.backlog_tokens == 0


def test_a_request_without_any_score_fails_with_the_first_code(setup: Setup) -> None:
    with pytest.raises(NonFiniteScore):
        setup.ranker.rank(RankRequest("q", ["nan", "nan"]), WAIT_S)


def test_one_window_without_a_score_fails_its_document_only(setup: Setup) -> None:
    documents = ["good", "good " * 60 + "nan"]
    ranking = setup.ranker.rank(RankRequest("q", documents, long_documents="windows_max"), WAIT_S)
    assert ranking.order() == [0]
    assert [type(error) for error in ranking.errors.values()] == [NonFiniteScore]


def test_a_ranking_of_what_was_done_in_time_is_never_given(setup: Setup) -> None:
    setup.scorer.gate.clear()
    opener = threading.Timer(0.5, setup.scorer.gate.set)
    opener.start()
    with pytest.raises(DeadlineExceeded):
        setup.ranker.rank(RankRequest("q", ["good " * 50] * 300), 0.25)
    opener.join()


@pytest.fixture
def slow_ranker(tmp_path: Path) -> Iterator[tuple[Ranker, FakeScorer]]:
    """A ranker whose scorer takes a millisecond a token."""
    scorer = FakeScorer(tokens_per_second=1_000.0)
    engine = Engine(scorer, EngineSettings(), clock=scorer.clock)
    engine.start()
    engine.wait_until_ready(WAIT_S)
    encoder = PairEncoder.from_directory(write_tokenizer(tmp_path))
    with ThreadPoolExecutor(1) as executor:
        policy = resolve_policy(TextSettings(), MAX_PAIR_TOKENS)
        yield Ranker(encoder, engine, policy, executor, clock=scorer.clock), scorer
    engine.close(WAIT_S)


def test_a_request_that_cannot_be_done_in_time_even_alone_is_refused_before_it_is_queued(
    slow_ranker: tuple[Ranker, FakeScorer],
) -> None:
    ranker, scorer = slow_ranker
    batches = len(scorer.batches)
    sentence = r"640 tokens or more take about 640 ms here, .* deadline is in 300 ms"
    with pytest.raises(DeadlineExceeded, match=sentence):
        ranker.rank(RankRequest("q", ["good " * 100] * 10), 0.3)
    assert len(scorer.batches) == batches


def test_a_caller_who_takes_parts_gets_the_first_documents_as_far_as_time_allows(
    slow_ranker: tuple[Ranker, FakeScorer],
) -> None:
    request = RankRequest("q", ["good " * 100] * 10, is_partial=True)
    ranking = slow_ranker[0].rank(request, 0.3)
    scored = 10 - len(ranking.errors)
    assert 3 <= scored <= 4
    assert ranking.is_partial
    assert sorted(ranking.errors) == list(range(scored, 10))
    assert {type(error) for error in ranking.errors.values()} == {DeadlineExceeded}
    with pytest.raises(DeadlineExceeded):
        slow_ranker[0].rank(request, 0.001)


@pytest.mark.parametrize("queries", [None, ("q", "r")], ids=["one query", "two queries"])
def test_a_hopeless_request_is_refused_before_all_of_it_is_tokenised(
    slow_ranker: tuple[Ranker, FakeScorer], queries: tuple[str, ...] | None
) -> None:
    documents = [f"good {number} " * 50 for number in range(3_000)]
    each = None if queries is None else [queries[index // 1_500] for index in range(len(documents))]
    with pytest.raises(DeadlineExceeded) as refused:
        slow_ranker[0].rank(RankRequest("q", documents, queries=each), 60.0)
    tokens = int(refused.value.message.split()[0])
    assert 60_000 < tokens < 64 * len(documents) // 2
