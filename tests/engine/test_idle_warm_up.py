"""What start-up had no time to warm up is warmed up while nobody waits."""

from __future__ import annotations

import pytest

from bge_reranker.engine.scorer import ScorerOutOfMemory

from .fakes import FakeScorer, make_engine, make_pair


def test_shapes_are_run_until_none_is_left_and_never_again() -> None:
    engine = make_engine(FakeScorer(further_shapes=3))
    engine.worker.begin_idle_warm_up()
    for _ in range(2):
        engine.worker.warm_up_while_idle()
    assert engine.scorer.further_shapes == 0


def test_whoever_waits_comes_first() -> None:
    engine = make_engine(FakeScorer(further_shapes=3))
    engine.worker.begin_idle_warm_up()
    _, outcomes = engine.submit([make_pair(1)])
    engine.worker.warm_up_while_idle()
    assert engine.scorer.further_shapes == 3
    engine.run_until_idle()
    assert outcomes[0].errors == {}
    engine.worker.warm_up_while_idle()
    assert engine.scorer.further_shapes == 0


def test_nothing_is_run_unless_it_was_asked_for() -> None:
    engine = make_engine(FakeScorer(further_shapes=3))
    engine.worker.warm_up_while_idle()
    assert engine.scorer.further_shapes == 3


@pytest.mark.parametrize("error", [ScorerOutOfMemory(), MemoryError()])
def test_a_shape_for_which_there_is_no_memory_ends_it_and_nothing_else(error: Exception) -> None:
    engine = make_engine(FakeScorer(further_shapes=3, further_error=error))
    engine.worker.begin_idle_warm_up()
    for _ in range(2):
        engine.worker.warm_up_while_idle()
    assert engine.scorer.further_shapes == 2
    _, outcomes = engine.submit([make_pair(1)])
    engine.run_until_idle()
    assert outcomes[0].errors == {}
