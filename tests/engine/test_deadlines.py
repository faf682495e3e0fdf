"""Callers whose time is up, or would be, are answered, and what they asked for is not computed."""

from __future__ import annotations

import pytest

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.ticket import Outcome
from bge_reranker.errors import DeadlineExceeded, QueueFull

from .fakes import FakeScorer, codes, logit_of, make_engine, make_pair


def test_expired_caller_is_answered_while_a_batch_runs_and_its_pairs_are_never_computed() -> None:
    engine = make_engine()
    answered_during_batch: list[int] = []
    _, outcomes = engine.submit([make_pair(1, 16)])
    expiring: list[Outcome] = []

    def pass_the_deadline(_: Batch) -> None:
        engine.submit([make_pair(2), make_pair(3)], deadline=engine.clock() + 0.014, outcomes=expiring)
        engine.preparer.step()
        engine.clock.now += 0.020
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
    _, outcomes = engine.submit([make_pair(1, 16), make_pair(2, 16)], deadline=engine.clock() + 0.040)
    engine.worker.step()
    engine.clock.now += 0.030
    engine.run_until_idle()
    assert codes(outcomes[0]) == {1: "DeadlineExceeded"}
    assert outcomes[0].logits[0] == logit_of(make_pair(1, 16).tokens)


def test_expired_and_abandoned_ticket_ends_once() -> None:
    engine = make_engine()
    ticket, outcomes = engine.submit([make_pair(1)], deadline=engine.clock() + 1)
    engine.clock.now += 2
    engine.preparer.step()
    engine.dispatcher.abandon(ticket, engine.clock())
    engine.run_until_idle()
    assert codes(outcomes[0]) == {0: DeadlineExceeded.__name__}
    assert len(outcomes) == 1


def test_the_rest_of_a_ticket_is_dropped_before_it_is_computed_when_it_would_end_too_late() -> None:
    engine = make_engine()
    _, outcomes = engine.submit([make_pair(1, 16), make_pair(2, 16)], deadline=engine.clock() + 0.040)
    engine.worker.step()
    engine.clock.now += 0.009
    engine.run_until_idle()
    assert engine.scorer.batches == [[1]]
    assert codes(outcomes[0]) == {1: "DeadlineExceeded"}
    assert "would be scored in 16 ms, and its deadline is in 15 ms" in outcomes[0].errors[1].message


def test_a_ticket_of_many_batches_is_dropped_whole_while_it_waits() -> None:
    engine = make_engine()
    engine.submit([make_pair(1, 16)], deadline=engine.clock() + 0.180)
    _, waiting = engine.submit([make_pair(serial, 16) for serial in range(2, 12)], deadline=engine.clock() + 0.190)
    _, behind = engine.submit([make_pair(20, 16)])

    def take_long(_: Batch) -> None:
        engine.clock.now += 0.020
        engine.scorer.while_scoring = None

    engine.scorer.while_scoring = take_long
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [20]]
    assert codes(waiting[0]) == dict.fromkeys(range(10), "DeadlineExceeded")
    assert behind[0].errors == {}


def test_a_prepared_batch_loses_what_the_running_one_has_made_too_late_and_keeps_the_rest() -> None:
    engine = make_engine()
    engine.submit([make_pair(1, 16)], deadline=engine.clock() + 0.027)
    _, late = engine.submit([make_pair(2, 8)], deadline=engine.clock() + 0.028)
    _, patient = engine.submit([make_pair(3, 8)])

    def take_long(_: Batch) -> None:
        engine.preparer.step()
        engine.clock.now += 0.010
        engine.scorer.while_scoring = None

    engine.scorer.while_scoring = take_long
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [3]]
    assert codes(late[0]) == {0: "DeadlineExceeded"}
    assert patient[0].errors == {}


def test_an_earlier_deadline_comes_first_at_the_next_batch_and_the_same_one_waits_its_turn() -> None:
    engine = make_engine()
    engine.submit([make_pair(1, 10), make_pair(2, 10), make_pair(3, 10)], deadline=engine.clock() + 1.0)
    engine.submit([make_pair(4, 10)], deadline=engine.clock() + 1.0)
    urgent: list[Outcome] = []

    def come_when_the_next_is_packed(_: Batch) -> None:
        engine.scorer.while_scoring = None
        engine.preparer.step()
        engine.submit([make_pair(5, 10)], deadline=engine.clock() + 0.5, outcomes=urgent)
        assert engine.dispatcher.can_prepare()
        engine.preparer.step()
        assert not engine.dispatcher.can_prepare()

    engine.scorer.while_scoring = come_when_the_next_is_packed
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [5], [2], [3], [4]]
    assert urgent[0].errors == {}


def test_nobody_gets_a_place_at_the_cost_of_an_accepted_request() -> None:
    engine = make_engine()
    pairs = [make_pair(serial, 10) for serial in range(1, 10)]
    _, patient = engine.submit(pairs, deadline=engine.clock() + 0.110)
    engine.submit([make_pair(30, 4)], deadline=engine.clock() + 0.050)
    with pytest.raises(
        QueueFull, match="Requests with later deadlines that were accepted before would be late"
    ) as late:
        engine.submit([make_pair(20, 16), make_pair(21, 14)], deadline=engine.clock() + 0.050)
    assert late.value.retry_after_s is not None
    assert late.value.retry_after_s > 0
    engine.run_until_idle()
    assert engine.scorer.batches[0] == [30, 1]
    assert patient[0].errors == {}


def test_a_batch_is_cut_where_another_pair_would_make_somebody_late() -> None:
    engine = make_engine()
    _, urgent = engine.submit([make_pair(1, 10)], deadline=engine.clock() + 0.0125)
    _, patient = engine.submit([make_pair(2, 1), make_pair(3, 1), make_pair(4, 1)])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1, 2, 3], [4]]
    assert urgent[0].errors == patient[0].errors == {}


def test_a_prepared_batch_that_was_cut_is_packed_once_and_not_taken_up_again() -> None:
    engine = make_engine()
    packed: list[bool] = []

    def look(_: Batch) -> None:
        engine.preparer.step()
        packed.append(engine.dispatcher.can_prepare())

    engine.scorer.while_scoring = look
    engine.submit([make_pair(1, 16)], deadline=engine.clock() + 0.0165)
    engine.submit([make_pair(2, 4)], deadline=engine.clock() + 0.022)
    engine.submit([make_pair(3, 4)])
    engine.run_until_idle()
    assert engine.scorer.batches == [[1], [2], [3]]
    assert not any(packed)


def test_an_idle_engine_tries_a_batch_of_a_hopeless_request_when_it_has_not_measured_for_long() -> None:
    engine = make_engine(FakeScorer(tokens_per_second=100.0), max_batch_tokens=64)
    engine.scorer.tokens_per_second = 1000.0
    pairs = [make_pair(serial, 4) for serial in range(1, 101)]
    with pytest.raises(DeadlineExceeded, match=r"400 tokens or more take about 4\.00 s here, even alone"):
        engine.dispatcher.check_hope(400, 0, engine.clock() + 1.0, engine.clock())
    engine.clock.now += 31.0
    _, outcomes = engine.submit(pairs, deadline=engine.clock() + 0.8)
    engine.run_until_idle()
    assert outcomes[0].errors == {}
    assert engine.dispatcher.throughput.tokens_per_second == pytest.approx(1000)


def test_a_trial_costs_one_batch_where_the_estimate_was_right_and_is_not_repeated_at_once() -> None:
    engine = make_engine(FakeScorer(tokens_per_second=100.0), max_batch_tokens=64)
    pairs = [make_pair(serial, 4) for serial in range(1, 101)]
    engine.submit([make_pair(1)])
    engine.run_until_idle()
    engine.clock.now += 31.0
    _, outcomes = engine.submit(pairs, deadline=engine.clock() + 1.0)
    engine.run_until_idle()
    assert [len(batch) for batch in engine.scorer.batches] == [1, 6]
    assert codes(outcomes[0]) == dict.fromkeys(range(6, 100), "DeadlineExceeded")
    with pytest.raises(DeadlineExceeded):
        engine.submit(pairs, deadline=engine.clock() + 1.0)
