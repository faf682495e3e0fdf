"""Callers whose time is up are answered, and what they asked for is not computed."""

from __future__ import annotations

from bge_reranker.engine.batch import Batch
from bge_reranker.errors import DeadlineExceeded

from .fakes import codes, logit_of, make_engine, make_pair


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


def test_expired_and_abandoned_ticket_ends_once() -> None:
    engine = make_engine()
    ticket, outcomes = engine.submit([make_pair(1)], deadline=engine.clock() + 1)
    engine.clock.now += 2
    engine.preparer.step()
    engine.dispatcher.abandon(ticket, engine.clock())
    engine.run_until_idle()
    assert codes(outcomes[0]) == {0: DeadlineExceeded.__name__}
    assert len(outcomes) == 1
