"""A scorer or a callback that fails costs exactly its own pairs."""

from __future__ import annotations

import math

from bge_reranker.engine.ticket import Outcome, Ticket

from .fakes import FakeScorer, codes, logit_of, make_engine, make_pair


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
