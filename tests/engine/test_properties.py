"""What holds for any order of arrivals, sizes, deadlines, cancellations and failures.

The dispatcher, the worker and the preparer are the real ones, stepped from one thread; things also happen while a
batch runs, since `FakeScorer` lets the test act inside `score`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.origin import ANYBODY, Origin
from bge_reranker.engine.ticket import Outcome, Ticket
from bge_reranker.errors import CapacityError, DeadlineExceeded, WorkerDied
from bge_reranker.settings import EngineSettings

from .fakes import FakeScorer, SteppedEngine, logit_of, make_pair

MAX_BATCH_TOKENS = 64
MAX_BATCH_MS = 40.0
TOKENS_PER_SECOND = 1000.0
LIMIT_TOKENS = 40
"""What 40 ms allow at 1000 tokens per second: less than the 64 that memory allows."""


@dataclass(frozen=True)
class Submit:
    lengths_tokens: tuple[int, ...]
    deadline_s: float
    flaw: str
    origin: Origin = ANYBODY


@dataclass(frozen=True)
class Abandon:
    index: int


@dataclass(frozen=True)
class Advance:
    seconds: float


@dataclass(frozen=True)
class Prepare:
    pass


@dataclass(frozen=True)
class Score:
    meanwhile: tuple[Submit | Abandon | Advance | Prepare, ...]


FLAWS = st.sampled_from(["none"] * 8 + ["raises", "nan", "infinite"])
LENGTHS = st.lists(st.one_of(st.integers(1, 12), st.sampled_from([30, 40, 41, 64, 90])), min_size=1, max_size=9)
SUBMITS = st.builds(
    Submit, LENGTHS.map(tuple), st.one_of(st.just(math.inf), st.floats(0.001, 0.5, allow_nan=False)), FLAWS
)
SMALL_STEPS = st.one_of(
    SUBMITS, SUBMITS, st.builds(Abandon, st.integers(0, 20)), st.builds(Advance, st.floats(0, 0.2)), st.just(Prepare())
)
# Half of the batches have the next one prepared while they run, as the threads mostly do.
MEANWHILE = st.builds(
    lambda steps, is_prepared: (*steps, Prepare()) if is_prepared else tuple(steps),
    st.lists(SMALL_STEPS, max_size=4),
    st.booleans(),
)
SCORES = st.builds(Score, MEANWHILE)
STEPS = st.lists(st.one_of(SMALL_STEPS, SCORES), max_size=25)


@dataclass
class Sent:
    """One submission as the test knows it."""

    ticket: Ticket
    outcomes: list[Outcome]
    serials: list[int]
    lengths_tokens: tuple[int, ...]
    deadline: float
    was_alone: bool
    is_abandoned: bool = False


@dataclass
class World:
    """Runs steps against a stepped engine and checks each batch as it is scored."""

    scorer: FakeScorer = field(default_factory=lambda: FakeScorer(tokens_per_second=TOKENS_PER_SECOND))
    sent: list[Sent] = field(default_factory=list)
    meanwhile: tuple[Submit | Abandon | Advance | Prepare, ...] = ()
    next_serial: int = 100
    last_batch: set[int] = field(default_factory=set)
    violations: list[AssertionError] = field(default_factory=list)
    """To the worker they look like a scorer that fails; the test raises them."""

    def __post_init__(self) -> None:
        limits = EngineSettings(
            max_batch_tokens=MAX_BATCH_TOKENS, max_batch_ms=MAX_BATCH_MS, max_queue_tokens=600, deadline_s=60
        )
        self.scorer.while_scoring = self.check_batch
        self.engine = SteppedEngine(limits, self.scorer)

    def check_batch(self, batch: Batch) -> None:
        """Look at a batch, or a part of a failed one, as it is about to be computed; then let other things happen."""
        try:
            self.check_pairs(batch)
        except AssertionError as violation:
            self.violations.append(violation)
        steps, self.meanwhile = self.meanwhile, ()
        for step in steps:
            self.take(step)

    def check_pairs(self, batch: Batch) -> None:
        if len(batch) > 1:
            assert batch.total_tokens <= min(self.engine.dispatcher.budget.tokens, LIMIT_TOKENS + 1)
        serials = self.scorer.batches[-1]
        keys = [self.order_of(serial) for serial in serials]
        in_order = len({sent.ticket.lane for sent in self.sent}) == 1
        assert keys == sorted(keys) or not in_order
        is_part = set(serials) <= self.last_batch
        self.last_batch = self.last_batch if is_part else set(serials)
        started_at = self.scorer.clock.now - batch.total_tokens / TOKENS_PER_SECOND
        for sent in self.sent:
            if not set(serials).isdisjoint(sent.serials):
                assert not sent.is_abandoned
                assert sent.deadline > started_at - 1e-9
                assert not sent.ticket.is_apart or set(serials) <= set(sent.serials)
            elif in_order and not sent.ticket.has_ended and not is_part:
                # Nobody overtakes but by an earlier deadline: who comes before and still waits has pairs in this batch.
                assert (sent.deadline, sent.serials[0]) > keys[0]

    def order_of(self, serial: int) -> tuple[float, int]:
        """By deadline, then by arrival; first what the engine computes on its own to look whether the scorer works."""
        return next(((sent.deadline, serial) for sent in self.sent if serial in sent.serials), (-math.inf, serial))

    def take(self, step: Submit | Abandon | Advance | Prepare | Score) -> None:
        match step:
            case Submit():
                self.submit(step)
            case Abandon(index):
                if index < len(self.sent):
                    sent = self.sent[index]
                    sent.is_abandoned = True
                    self.engine.dispatcher.abandon(sent.ticket, self.scorer.clock.now)
            case Advance(seconds):
                self.scorer.clock.now += seconds
            case Prepare():
                self.engine.preparer.step()
            case Score(meanwhile):
                self.meanwhile = meanwhile
                self.engine.worker.step()

    def submit(self, step: Submit) -> None:
        serials = list(range(self.next_serial, self.next_serial + len(step.lengths_tokens)))
        self.next_serial += len(serials)
        flawed = serials[len(serials) // 2]
        if step.flaw == "raises":
            self.scorer.raises_on[flawed] = RuntimeError("secret text")
        elif step.flaw != "none":
            self.scorer.logits_on[flawed] = math.nan if step.flaw == "nan" else -math.inf
        pairs = [make_pair(serial, length) for serial, length in zip(serials, step.lengths_tokens, strict=True)]
        deadline = self.scorer.clock.now + step.deadline_s
        is_alone = not self.engine.dispatcher.backlog_tokens
        try:
            ticket, outcomes = self.engine.submit(pairs, deadline=deadline, origin=step.origin)
        except CapacityError as error:
            self.check_refusal(error, step)
            return
        self.sent.append(Sent(ticket, outcomes, serials, step.lengths_tokens, deadline, is_alone))

    def check_refusal(self, error: CapacityError, step: Submit) -> None:
        """Nobody is refused by an idle engine but those that it could not serve in time even alone."""
        if isinstance(error, DeadlineExceeded):
            assert error.figures["expected_s"] > error.figures["remaining_s"]
            assert error.figures["remaining_s"] == pytest.approx(step.deadline_s)
        else:
            assert self.engine.dispatcher.backlog_tokens > 0
            assert error.retry_after_s is not None
            assert error.retry_after_s > 0

    def check_outcome(self, sent: Sent) -> None:
        """The submission ended once, and each of its pairs as its fate demands."""
        assert len(sent.outcomes) == 1
        outcome = sent.outcomes[0]
        assert len(outcome.logits) == len(sent.serials)
        for index, serial in enumerate(sent.serials):
            error = outcome.errors.get(index)
            if error is None:
                assert outcome.logits[index] == logit_of(make_pair(serial, sent.lengths_tokens[index]).tokens)
                assert serial not in self.scorer.raises_on
                assert serial not in self.scorer.logits_on
                continue
            assert "secret" not in error.sentence()
            match error.code:
                case "CallerGone":
                    assert sent.is_abandoned
                case "DeadlineExceeded":
                    is_hopeless = error.figures.get("expected_s", 0.0) > error.figures.get("remaining_s", 0.0)
                    assert is_hopeless or sent.deadline <= self.scorer.clock.now
                case "NonFiniteScore":
                    assert serial in self.scorer.logits_on
                case "BatchFailed":
                    assert serial in self.scorer.raises_on
                case "PairTooLarge":
                    assert sent.lengths_tokens[index] > self.scorer.memory_tokens
                case code:
                    raise AssertionError(code)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, memory_tokens=st.sampled_from([1_000_000, 50, 25, 7]))
def test_every_ticket_ends_exactly_once_and_nobody_starves(
    steps: list[Submit | Abandon | Advance | Prepare | Score], memory_tokens: int
) -> None:
    world = World()
    world.scorer.memory_tokens = memory_tokens
    for step in steps:
        world.take(step)
    world.engine.run_until_idle()
    assert world.violations == []
    for sent in world.sent:
        world.check_outcome(sent)
    assert world.engine.dispatcher.backlog_tokens == 0
    assert not world.engine.dispatcher.has_live_tickets
    assert sum(world.engine.observer.ended.values()) == sum(len(sent.serials) for sent in world.sent)


ORIGINS = st.sampled_from([ANYBODY, Origin("b"), Origin("b", 1), Origin("c", 1)])
CALM_SUBMITS = st.builds(
    Submit, LENGTHS.map(tuple), st.floats(0.001, 0.5), st.just("none"), st.one_of(st.just(ANYBODY), ORIGINS)
)
CALM_STEPS = st.lists(
    st.builds(Score, st.lists(st.one_of(CALM_SUBMITS, st.just(Prepare())), max_size=6).map(tuple)), max_size=12
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(first=st.lists(CALM_SUBMITS, min_size=1, max_size=3), steps=CALM_STEPS)
def test_everybody_who_is_accepted_is_in_time_while_batches_take_as_long_as_expected(
    first: list[Submit], steps: list[Score]
) -> None:
    world = World()
    for submit in first:
        world.take(submit)
    for score in steps:
        world.take(score)
    world.engine.run_until_idle()
    assert world.violations == []
    # An idle engine also takes whom it may disappoint.
    behind_others = [sent for sent in world.sent if not sent.was_alone]
    assert [sent.outcomes[0].errors for sent in behind_others] == [{}] * len(behind_others)


@settings(max_examples=100)
@given(steps=STEPS, end=st.sampled_from(["close", "die"]))
def test_every_ticket_ends_exactly_once_when_the_engine_is_closed_or_dies_midway(
    steps: list[Submit | Abandon | Advance | Prepare | Score], end: str
) -> None:
    world = World()
    for step in steps:
        world.take(step)
    now = world.scorer.clock.now
    if end == "close":
        world.engine.dispatcher.close(now)
    else:
        world.engine.dispatcher.fail(WorkerDied("gone"), now)
    world.engine.preparer.step()
    assert [len(sent.outcomes) for sent in world.sent] == [1] * len(world.sent)
    assert world.engine.dispatcher.backlog_tokens == 0
    assert not world.engine.worker.step()
