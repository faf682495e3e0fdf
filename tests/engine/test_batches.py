"""Which pairs ride together, in which order; stepped from one thread on a clock that stands still."""

from __future__ import annotations

import pytest

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.ticket import Ticket
from bge_reranker.errors import CallerGone
from bge_reranker.settings import EngineSettings

from .fakes import FakeScorer, SteppedEngine, codes, logit_of, make_engine, make_pair


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
