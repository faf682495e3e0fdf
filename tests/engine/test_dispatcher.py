"""What happens to pairs, batch by batch; stepped from one thread on a clock that stands still."""

from __future__ import annotations

import math

import pytest

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.ticket import Outcome, Ticket
from bge_reranker.errors import CallerGone, DeadlineExceeded, Draining, NotReady, QueueFull, WorkerDied
from bge_reranker.settings import EngineSettings

from .fakes import FakeScorer, SteppedEngine, logit_of, make_pair


def make_engine(
    scorer: FakeScorer | None = None, *, max_batch_tokens: int = 16, queue_tokens: int = 1000
) -> SteppedEngine:
    settings = EngineSettings(max_batch_tokens=max_batch_tokens, max_batch_ms=60_000, max_queue_tokens=queue_tokens)
    return SteppedEngine(settings, scorer or FakeScorer())


def codes(outcome: Outcome) -> dict[int, str]:
    return {index: error.code for index, error in outcome.errors.items()}


def test_batch_mixes_submissions_oldest_first_within_its_budget() -> None:
    engine = make_engine()
    engine.submit([make_pair(serial) for serial in (1, 2, 3)])
    engine.submit([make_pair(serial) for serial in (4, 5)])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1, 2, 3, 4], [5]]


def test_batch_is_bounded_by_expected_milliseconds_on_a_slow_device() -> None:
    settings = EngineSettings(max_batch_tokens=1024, max_batch_ms=110)
    engine = SteppedEngine(settings, FakeScorer(tokens_per_second=80.0))
    engine.submit([make_pair(serial) for serial in range(1, 6)])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1, 2], [3, 4], [5]]


def test_pair_larger_than_the_budget_forms_a_batch_of_its_own() -> None:
    engine = make_engine()
    engine.submit([make_pair(1), make_pair(2, 100), make_pair(3)])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [2], [3]]


def test_outcome_tells_waiting_and_computing_time_apart() -> None:
    engine = make_engine()
    engine.submit([make_pair(1, 10)])
    _, outcomes = engine.submit([make_pair(2, 10), make_pair(3, 10)])
    engine.run_until_idle()
    (outcome,) = outcomes
    assert outcome.queue_s == pytest.approx(0.020)
    assert outcome.compute_s == pytest.approx(0.020)
    assert outcome.logits.tolist() == [logit_of(make_pair(serial, 10).tokens) for serial in (2, 3)]


def test_prepared_batch_takes_in_whoever_arrives_while_the_other_runs() -> None:
    engine = make_engine()
    arrivals = [2, 3, 4]

    def arrive(_: Batch) -> None:
        while arrivals:
            engine.submit([make_pair(arrivals.pop(0))])
            engine.preparer.step()

    engine.scorer.while_scoring = arrive
    engine.submit([make_pair(1)])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [2, 3, 4]]


def test_abandoned_pairs_leave_the_queue_and_the_prepared_batch_before_they_cost_anything() -> None:
    engine = make_engine()
    goners: list[Ticket] = []

    def leave(_: Batch) -> None:
        engine.preparer.step()
        for ticket in goners:
            engine.dispatcher.abandon(ticket, engine.clock())
        goners.clear()

    engine.scorer.while_scoring = leave
    engine.submit([make_pair(1, 16)])
    ticket, outcomes = engine.submit([make_pair(serial) for serial in range(2, 8)])
    goners.append(ticket)
    engine.submit([make_pair(8)])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [8]]
    assert codes(outcomes[0]) == dict.fromkeys(range(6), CallerGone.__name__)
    assert engine.observer.ended == {"Scored": 2, "CallerGone": 6}


def test_expired_caller_is_answered_while_a_batch_runs_and_its_pairs_are_never_computed() -> None:
    engine = make_engine()
    answered_during_batch: list[int] = []
    _, outcomes = engine.submit([make_pair(1, 16)])
    _, expiring = engine.submit([make_pair(2), make_pair(3)], deadline=engine.clock() + 0.020)

    def pass_the_deadline(_: Batch) -> None:
        engine.preparer.step()
        engine.clock.now += 0.010
        engine.preparer.step()
        answered_during_batch.append(len(expiring))

    engine.scorer.while_scoring = pass_the_deadline
    engine.run_until_idle()
    assert answered_during_batch == [1]
    assert engine.scorer.batches == [[1]]
    assert codes(expiring[0]) == {0: "DeadlineExceeded", 1: "DeadlineExceeded"}
    assert outcomes[0].errors == {}


def test_deadline_in_the_middle_keeps_the_logits_that_came_before() -> None:
    engine = make_engine()
    _, outcomes = engine.submit([make_pair(1, 16), make_pair(2, 16)], deadline=engine.clock() + 0.020)
    engine.worker.step()
    engine.clock.now += 0.010
    engine.run_until_idle()
    assert codes(outcomes[0]) == {1: "DeadlineExceeded"}
    assert outcomes[0].logits[0] == logit_of(make_pair(1, 16).tokens)


def test_failed_batch_fails_exactly_its_own_pairs_without_quoting_the_error() -> None:
    error = RuntimeError("secret document")
    engine = make_engine(FakeScorer(raises_on={2: error}))
    _, first = engine.submit([make_pair(1), make_pair(2)])
    _, second = engine.submit([make_pair(3), make_pair(4), make_pair(5)])
    engine.run_until_idle()
    assert codes(first[0]) == {0: "BatchFailed", 1: "BatchFailed"}
    assert codes(second[0]) == {0: "BatchFailed", 1: "BatchFailed"}
    assert "RuntimeError" in first[0].errors[0].sentence()
    assert "secret" not in first[0].errors[0].sentence()
    assert [failure for _, failure in engine.observer.failed] == [error]


def test_wrong_number_of_logits_is_a_failed_batch_and_called_a_bug() -> None:
    engine = make_engine(FakeScorer(surplus_logits=1))
    _, outcomes = engine.submit([make_pair(1)])
    engine.run_until_idle()
    assert codes(outcomes[0]) == {0: "BatchFailed"}
    assert "this is a bug" in outcomes[0].errors[0].sentence()


def test_non_finite_logit_is_an_error_of_that_pair_alone() -> None:
    engine = make_engine(FakeScorer(logits_on={2: math.nan, 3: math.inf}))
    _, outcomes = engine.submit([make_pair(serial) for serial in (1, 2, 3, 4)])
    engine.run_until_idle()
    assert codes(outcomes[0]) == {1: "NonFiniteScore", 2: "NonFiniteScore"}
    assert outcomes[0].logits[[1, 2]].tolist() == [0.0, 0.0]
    assert outcomes[0].logits[3] == logit_of(make_pair(4).tokens)


def test_out_of_memory_retries_the_same_pairs_in_halves_and_recovers() -> None:
    engine = make_engine(FakeScorer(memory_tokens=8))
    _, outcomes = engine.submit([make_pair(serial) for serial in (1, 2, 3, 4)])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1, 2, 3, 4], [1, 2], [3, 4]]
    assert outcomes[0].errors == {}
    assert engine.observer.budgets == [8]
    engine.scorer.memory_tokens = 16
    engine.submit([make_pair(serial) for serial in range(10, 200)])
    engine.run_until_idle()
    assert engine.observer.budgets == [8, 10, 12, 14, 16]
    assert len(engine.scorer.batches[-2]) == 4


def prepare_while_scoring(engine: SteppedEngine) -> None:
    """Let the preparer do its part inside every batch, as its thread would."""

    def prepare(_: Batch) -> None:
        engine.preparer.step()

    engine.scorer.while_scoring = prepare


def test_out_of_memory_takes_the_prepared_batch_apart_too_and_keeps_the_order() -> None:
    engine = make_engine(FakeScorer(memory_tokens=8))
    prepare_while_scoring(engine)
    _, outcomes = engine.submit([make_pair(serial) for serial in range(1, 9)])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1, 2, 3, 4], [1, 2], [3, 4], [5, 6], [7, 8]]
    assert outcomes[0].errors == {}


def test_out_of_memory_of_a_single_pair_keeps_the_prepared_batch_within_the_new_budget() -> None:
    engine = make_engine(FakeScorer(memory_tokens=10))
    prepare_while_scoring(engine)
    _, outcomes = engine.submit([make_pair(1, 16), *(make_pair(serial) for serial in range(2, 6))])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [2, 3], [4, 5]]
    assert codes(outcomes[0]) == {0: "PairTooLarge"}


def test_memory_error_of_the_process_is_met_like_that_of_a_device() -> None:
    engine = make_engine(FakeScorer(raises_on={1: MemoryError()}))
    _, outcomes = engine.submit([make_pair(1), make_pair(2)])
    engine.run_until_idle()
    assert codes(outcomes[0]) == {0: "PairTooLarge"}


def test_single_pair_that_cannot_fit_fails_alone() -> None:
    engine = make_engine(FakeScorer(memory_tokens=20))
    _, outcomes = engine.submit([make_pair(1), make_pair(2, 30), make_pair(3)])
    engine.run_until_idle()
    assert codes(outcomes[0]) == {1: "PairTooLarge"}
    assert engine.dispatcher.budget.tokens == 16


def test_backlog_counts_reserved_queued_prepared_and_running_tokens() -> None:
    engine = make_engine(FakeScorer(tokens_per_second=100.0))
    seen: list[int] = []

    def look(_: Batch) -> None:
        engine.preparer.step()
        seen.append(engine.dispatcher.backlog_tokens)

    engine.scorer.while_scoring = look
    engine.submit([make_pair(1, 16), make_pair(2, 16), make_pair(3, 16)])
    engine.dispatcher.reserve(7, math.inf, engine.clock())
    assert engine.dispatcher.backlog_tokens == 55
    assert engine.dispatcher.backlog_s == pytest.approx(0.55)
    engine.run_until_idle()
    assert seen == [55, 39, 23]
    engine.dispatcher.release(7)
    assert engine.dispatcher.backlog_tokens == 0


def test_reserve_refuses_when_the_queue_is_full_and_admits_again_later() -> None:
    engine = make_engine(queue_tokens=16)
    engine.submit([make_pair(1, 10)])
    with pytest.raises(QueueFull) as refused:
        engine.dispatcher.reserve(10, math.inf, engine.clock())
    assert refused.value.retry_after_s == pytest.approx(0.004)
    engine.run_until_idle()
    engine.dispatcher.reserve(10, math.inf, engine.clock())


def test_reserve_refuses_by_phase() -> None:
    engine = make_engine()
    engine.dispatcher.lifecycle.drain()
    with pytest.raises(Draining):
        engine.dispatcher.reserve(1, math.inf, 0.0)
    engine.dispatcher.fail(WorkerDied("gone"), 0.0)
    with pytest.raises(WorkerDied):
        engine.dispatcher.reserve(1, math.inf, 0.0)
    fresh = type(engine.dispatcher)(EngineSettings())
    with pytest.raises(NotReady):
        fresh.reserve(1, math.inf, 0.0)


def test_drain_lets_a_reserved_request_in_and_a_closed_engine_does_not() -> None:
    engine = make_engine()
    outcomes: list[Outcome] = []
    engine.dispatcher.reserve(4, math.inf, engine.clock())
    engine.dispatcher.lifecycle.drain()
    engine.dispatcher.submit(Ticket([make_pair(1)], math.inf, outcomes.append, engine.clock()), 4)
    engine.run_until_idle()
    assert outcomes[0].errors == {}
    engine.dispatcher.close(engine.clock())
    with pytest.raises(Draining):
        engine.dispatcher.submit(Ticket([make_pair(2)], math.inf, outcomes.append, engine.clock()), 4)


def test_progress_ends_when_a_batch_runs_ten_times_longer_than_expected_and_a_minute() -> None:
    engine = make_engine(FakeScorer(tokens_per_second=1.0))
    engine.dispatcher.submit(Ticket([make_pair(1, 10)], math.inf, lambda _: None, 0.0), 0)
    assert engine.dispatcher.is_making_progress(10**6)
    engine.dispatcher.begin(1000.0)
    assert engine.dispatcher.is_making_progress(1099.0)
    assert not engine.dispatcher.is_making_progress(1100.0)


def test_progress_has_a_minute_even_when_the_device_is_fast() -> None:
    engine = make_engine()
    engine.dispatcher.submit(Ticket([make_pair(1)], math.inf, lambda _: None, 0.0), 0)
    engine.dispatcher.begin(1000.0)
    assert engine.dispatcher.is_making_progress(1059.0)
    assert not engine.dispatcher.is_making_progress(1060.0)


def test_callback_that_raises_costs_nobody_else_their_answer() -> None:
    engine = make_engine()
    error = ValueError("loop is closed")

    def raise_error(_: Outcome) -> None:
        raise error

    engine.dispatcher.submit(Ticket([make_pair(1)], math.inf, raise_error, engine.clock()), 0)
    _, outcomes = engine.submit([make_pair(2)])
    engine.run_until_idle()
    assert len(outcomes) == 1
    assert engine.observer.callback_errors == [error]


@pytest.mark.parametrize("lengths_tokens", [[], [3, 0]])
def test_ticket_refuses_what_no_batch_can_hold(lengths_tokens: list[int]) -> None:
    pairs = [make_pair(1, 3) for _ in lengths_tokens]
    if pairs:
        pairs[-1] = type(pairs[0])(pairs[0].tokens[:0], pairs[0].types[:0])
    with pytest.raises(ValueError, match="this is a bug"):
        Ticket(pairs, math.inf, lambda _: None, 0.0)


def test_expired_and_abandoned_ticket_ends_once() -> None:
    engine = make_engine()
    ticket, outcomes = engine.submit([make_pair(1)], deadline=engine.clock() + 1)
    engine.clock.now += 2
    engine.preparer.step()
    engine.dispatcher.abandon(ticket, engine.clock())
    engine.run_until_idle()
    assert codes(outcomes[0]) == {0: DeadlineExceeded.__name__}
    assert len(outcomes) == 1
