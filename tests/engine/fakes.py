"""A clock that stands still, a scorer that computes hashes, a remembering observer, and an engine without threads."""

from __future__ import annotations

import random
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from bge_reranker.engine.batch import Batch, Pair
from bge_reranker.engine.budget import TokenBudget
from bge_reranker.engine.dispatcher import Dispatcher
from bge_reranker.engine.lanes import Lane
from bge_reranker.engine.observer import BatchReport, SilentObserver
from bge_reranker.engine.origin import ANYBODY, Origin
from bge_reranker.engine.preparer import Preparer
from bge_reranker.engine.reservations import Asked, Grant
from bge_reranker.engine.scorer import ScorerDescription, ScorerOutOfMemory
from bge_reranker.engine.throughput import Throughput
from bge_reranker.engine.ticket import Outcome, Ticket
from bge_reranker.engine.worker import Worker
from bge_reranker.settings import EngineSettings


class FakeClock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make_pair(serial: int, length_tokens: int = 4) -> Pair:
    """A pair that the fakes recognise by its first token."""
    tokens = np.full(length_tokens, 7, dtype=np.int32)
    tokens[0] = serial
    return Pair(tokens=tokens, types=np.zeros(length_tokens, dtype=np.int8))


NO_GRANT = Grant(0, Lane(0, 1.0))
"""Of tickets that nothing was reserved for."""


def make_ticket(
    pairs: Sequence[Pair],
    on_done: Callable[[Outcome], None] = lambda _: None,
    now: float = 0.0,
    grant: Grant = NO_GRANT,
    *,
    deadline: float = float("inf"),
    is_partial: bool = False,
) -> Ticket:
    """A ticket as an engine makes it of what it was granted."""
    return Ticket(pairs, deadline, on_done, now, lane=grant.lane, is_trial=grant.is_trial, is_partial=is_partial)


def logit_of(tokens: NDArray[np.int32]) -> float:
    """The logit that `FakeScorer` gives to a pair."""
    return float(np.float32(zlib.crc32(tokens.tobytes()) % 2000 / 100 - 10))


@dataclass
class FakeScorer:
    """Computes a hash per pair, taking time on a fake clock, and misbehaves on order."""

    clock: FakeClock = field(default_factory=FakeClock)
    tokens_per_second: float = 1000.0
    launch_s: float = 0.0
    """Seconds of every batch besides its tokens."""
    memory_tokens: int = 1_000_000_000
    max_pair_tokens: int = 512
    raises_on: dict[int, BaseException] = field(default_factory=dict)
    """By serial of a pair in the batch."""
    logits_on: dict[int, float] = field(default_factory=dict)
    """Logit by serial instead of the hash."""
    surplus_logits: int = 0
    while_scoring: Callable[[Batch], None] | None = None
    """Called inside `score`, so that a test can act, or block, while a batch runs."""
    warm_up_error: BaseException | None = None
    warmed_up_tokens: list[int] = field(default_factory=list)
    batches: list[list[int]] = field(default_factory=list)
    """Serials of every batch that was asked for, in order."""
    further_shapes: int = 0
    """Shapes that warm-up leaves for later; below 0 once it was asked for more than there were."""
    further_error: Exception | None = None
    is_closed: bool = False

    @property
    def description(self) -> ScorerDescription:
        return ScorerDescription("Fake", "none", "cpu", "none", "float32", True, self.max_pair_tokens, True)

    def warm_up(self, max_batch_tokens: int) -> None:
        self.warmed_up_tokens.append(max_batch_tokens)
        if self.warm_up_error is not None:
            raise self.warm_up_error
        if max_batch_tokens > self.memory_tokens:
            raise ScorerOutOfMemory

    def warm_up_further(self) -> bool:
        self.further_shapes -= 1
        if self.further_error is not None:
            raise self.further_error
        return self.further_shapes > 0

    def score(self, batch: Batch) -> NDArray[np.float32]:
        pairs = np.split(batch.tokens, batch.cu_seqlens[1:-1])
        serials = [int(tokens[0]) for tokens in pairs]
        self.batches.append(serials)
        self.clock.now += self.launch_s + batch.total_tokens / self.tokens_per_second
        if self.while_scoring is not None:
            self.while_scoring(batch)
        if batch.total_tokens > self.memory_tokens:
            raise ScorerOutOfMemory
        for serial in serials:
            if serial in self.raises_on:
                raise self.raises_on[serial]
        logits = [self.logits_on.get(int(tokens[0]), logit_of(tokens)) for tokens in pairs]
        return np.array(logits + [0.0] * self.surplus_logits, dtype=np.float32)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeLaunch:
    """A batch on a `FakeDevice`."""

    serials: list[int]
    launched_at: float
    seconds: float
    finish: Callable[[FakeLaunch], NDArray[np.float32]]

    def fetch(self) -> NDArray[np.float32]:
        return self.finish(self)


@dataclass
class FakeDevice(FakeScorer):
    """A `FakeScorer` beside the processor: batches are computed in order of launch, and time passes at the fetch."""

    batches_in_flight: int = 2
    memory_of_all_tokens: int = 1_000_000_000
    """Tokens for which there is room in all batches under way together; a launch beyond it raises."""
    events: list[tuple[str, list[int]]] = field(default_factory=list)
    """What was launched and fetched, by serials, in order."""
    under_way_tokens: int = 0
    most_under_way: int = 0
    """Most batches that were under way together."""
    free_at: float = 0.0
    """When the device has computed all that was launched."""
    while_launching: Callable[[Batch], None] | None = None
    _under_way: int = 0

    @property
    @override
    def description(self) -> ScorerDescription:
        return replace(super().description, device="cuda:0", batches_in_flight=self.batches_in_flight)

    def launch(self, batch: Batch) -> FakeLaunch:
        serials = [int(tokens[0]) for tokens in np.split(batch.tokens, batch.cu_seqlens[1:-1])]
        self.events.append(("launch", serials))
        if self.while_launching is not None:
            self.while_launching(batch)
        if self.under_way_tokens + batch.total_tokens > min(self.memory_of_all_tokens, self.memory_tokens):
            raise ScorerOutOfMemory
        self.under_way_tokens += batch.total_tokens
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)

        def finish(launched: FakeLaunch) -> NDArray[np.float32]:
            self.events.append(("fetch", serials))
            self.under_way_tokens -= batch.total_tokens
            self._under_way -= 1
            began = max(self.free_at, launched.launched_at)
            self.free_at = began + launched.seconds
            arrived = self.clock.now
            logits = self.score(batch)
            self.clock.now = max(arrived, self.free_at)
            return logits

        return FakeLaunch(serials, self.clock.now, self.launch_s + batch.total_tokens / self.tokens_per_second, finish)


@dataclass
class RememberingObserver(SilentObserver):
    """Keeps every event."""

    scored: list[BatchReport] = field(default_factory=list)
    failed: list[tuple[BatchReport, Exception]] = field(default_factory=list)
    out_of_memory: list[tuple[BatchReport, int]] = field(default_factory=list)
    budgets: list[int] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    callback_errors: list[Exception] = field(default_factory=list)
    deaths: list[BaseException] = field(default_factory=list)

    @override
    def on_batch_scored(self, report: BatchReport) -> None:
        self.scored.append(report)

    @override
    def on_batch_failed(self, report: BatchReport, error: Exception) -> None:
        self.failed.append((report, error))

    @override
    def on_out_of_memory(self, report: BatchReport, budget_tokens: int) -> None:
        self.out_of_memory.append((report, budget_tokens))

    @override
    def on_budget_changed(self, budget_tokens: int, maximum_tokens: int) -> None:
        assert budget_tokens <= maximum_tokens
        self.budgets.append(budget_tokens)

    @override
    def on_pairs_ended(self, code: str, pairs: int) -> None:
        self.ended[code] = self.ended.get(code, 0) + pairs

    @override
    def on_callback_failed(self, error: Exception) -> None:
        self.callback_errors.append(error)

    @override
    def on_engine_died(self, error: BaseException) -> None:
        self.deaths.append(error)


class SteppedEngine:
    """The parts of an engine, driven step by step from one thread."""

    def __init__(self, settings: EngineSettings, scorer: FakeScorer) -> None:
        self.clock = scorer.clock
        self.scorer = scorer
        self.observer = RememberingObserver()
        self.dispatcher = Dispatcher(settings, random.Random(1))
        condition = threading.Condition()
        self.worker = Worker(self.dispatcher, condition, scorer, self.clock, self.observer)
        self.preparer = Preparer(self.dispatcher, condition, self.clock, self.observer)
        throughput = Throughput()
        throughput.record(1000, 1000 / scorer.tokens_per_second, 1000)
        self.dispatcher.serve(TokenBudget(settings.max_batch_tokens), throughput)

    def submit(
        self,
        pairs: Sequence[Pair],
        *,
        deadline: float = float("inf"),
        outcomes: list[Outcome] | None = None,
        origin: Origin = ANYBODY,
        is_partial: bool = False,
    ) -> tuple[Ticket, list[Outcome]]:
        """Reserve and submit at once; outcomes are appended to the list as they come."""
        received: list[Outcome] = [] if outcomes is None else outcomes
        tokens = sum(len(pair) for pair in pairs)
        asked = Asked(tokens, deadline, origin=origin, is_partial=is_partial)
        grant = self.dispatcher.reserve(asked, self.clock())
        ticket = make_ticket(pairs, received.append, self.clock(), grant, deadline=deadline, is_partial=is_partial)
        self.dispatcher.submit(ticket, grant)
        return ticket, received

    def run_until_idle(self) -> None:
        """Score and answer everything."""
        while self.worker.step():
            self.preparer.step()
        self.preparer.step()


def make_engine(
    scorer: FakeScorer | None = None, *, max_batch_tokens: int = 16, queue_tokens: int = 1000
) -> SteppedEngine:
    """Step an engine whose batches are bounded by tokens alone."""
    settings = EngineSettings(max_batch_tokens=max_batch_tokens, max_batch_ms=60_000, max_queue_tokens=queue_tokens)
    return SteppedEngine(settings, scorer or FakeScorer())


def prepare_while_scoring(engine: SteppedEngine) -> None:
    """Let the preparer do its part inside every batch, as its thread would."""

    def prepare(_: Batch) -> None:
        engine.preparer.step()

    engine.scorer.while_scoring = prepare


def codes(outcome: Outcome) -> dict[int, str]:
    """Codes of the errors by pair."""
    return {index: error.code for index, error in outcome.errors.items()}
