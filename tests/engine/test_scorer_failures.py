"""A pair, a scorer or a callback that fails costs exactly what it must."""

from __future__ import annotations

import math

import pytest

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.scorer import ScorerLost
from bge_reranker.engine.ticket import Outcome
from bge_reranker.errors import WorkerDied

from .fakes import NO_GRANT, FakeScorer, codes, logit_of, make_engine, make_pair, make_ticket, prepare_while_scoring


def test_pair_that_the_scorer_fails_on_fails_alone_without_quoting_the_error() -> None:
    error = RuntimeError("secret document")
    engine = make_engine(FakeScorer(raises_on={2: error}))
    _, first = engine.submit([make_pair(1), make_pair(2)])
    _, second = engine.submit([make_pair(3), make_pair(4), make_pair(5)])
    engine.run_until_idle()
    assert codes(first[0]) == {1: "BatchFailed"}
    assert first[0].logits[0] == logit_of(make_pair(1).tokens)
    assert second[0].errors == {}
    assert second[0].logits.tolist() == [logit_of(make_pair(serial).tokens) for serial in (3, 4, 5)]
    assert first[0].errors[1].sentence() == "The scorer raised RuntimeError on this pair."
    assert [failure for _, failure in engine.observer.failed] == [error]
    assert sum(report.pairs for report in engine.observer.scored) == 4
    assert sum(report.tokens for report in engine.observer.scored) == 16


def test_ticket_with_a_pair_that_failed_shares_no_batch_with_others_any_more() -> None:
    engine = make_engine(FakeScorer(raises_on={2: ValueError(), 12: ValueError()}))
    prepare_while_scoring(engine)
    _, clean = engine.submit([make_pair(1)])
    _, bad = engine.submit([make_pair(serial) for serial in range(2, 14)])
    _, after = engine.submit([make_pair(20), make_pair(21)])
    engine.run_until_idle()
    assert engine.scorer.batches[0] == [1, 2, 3, 4]
    later = engine.scorer.batches[engine.scorer.batches.index([5, 6, 7, 8]) :]
    assert [batch for batch in later if not set(batch).isdisjoint({1, 20, 21})] == [[20, 21]]
    assert (clean[0].errors, codes(bad[0]), after[0].errors) == ({}, {0: "BatchFailed", 10: "BatchFailed"}, {})
    assert engine.dispatcher.backlog_tokens == 0


def test_pairs_whose_caller_has_gone_are_not_scored_again() -> None:
    engine = make_engine(FakeScorer(raises_on={4: ValueError()}))
    gone, _ = engine.submit([make_pair(1)])
    engine.submit([make_pair(serial) for serial in (2, 3, 4)])
    engine.scorer.while_scoring = lambda _: engine.dispatcher.abandon(gone, engine.clock())
    engine.run_until_idle()
    assert engine.scorer.batches[0] == [1, 2, 3, 4]
    assert not any(1 in batch for batch in engine.scorer.batches[1:])


def test_liveness_allows_for_each_part_what_it_allows_for_a_batch() -> None:
    engine = make_engine(FakeScorer(tokens_per_second=0.3, raises_on={1: ValueError()}))
    engine.submit([make_pair(serial) for serial in (1, 2, 3, 4)])
    seen: list[bool] = []
    engine.scorer.while_scoring = lambda _: seen.append(engine.dispatcher.is_making_progress(engine.clock()))
    engine.run_until_idle()
    assert all(seen)
    assert len(seen) > 3


def test_memory_that_runs_out_in_a_part_fails_only_a_pair_that_cannot_fit_alone() -> None:
    engine = make_engine(FakeScorer(raises_on={1: ValueError(), 2: MemoryError(), 3: ValueError()}))
    _, outcomes = engine.submit([make_pair(serial) for serial in (1, 2, 3, 4)])
    engine.run_until_idle()
    assert codes(outcomes[0]) == {0: "BatchFailed", 1: "PairTooLarge", 2: "BatchFailed"}


def test_wrong_number_of_logits_is_a_failed_batch_and_called_a_bug() -> None:
    engine = make_engine(FakeScorer(surplus_logits=1))
    _, outcomes = engine.submit([make_pair(1)])
    engine.run_until_idle()
    assert codes(outcomes[0]) == {0: "BatchFailed"}
    assert "this is a bug" in outcomes[0].errors[0].sentence()


def raise_always(_: Batch) -> None:
    raise ValueError("secret")


def test_scorer_that_fails_on_what_it_scored_at_start_is_dead_after_six_calls() -> None:
    engine = make_engine(FakeScorer(while_scoring=raise_always), max_batch_tokens=64)
    engine.submit([make_pair(serial) for serial in range(100, 116)])
    with pytest.raises(WorkerDied) as died:
        engine.worker.step()
    assert [len(batch) for batch in engine.scorer.batches] == [16, 8, 8, 4, 4, 1]
    assert "raises ValueError on every pair" in died.value.sentence()
    assert "secret" not in died.value.sentence()


def test_scorer_that_fails_on_single_pairs_in_a_row_is_suspected_though_there_is_nothing_to_halve() -> None:
    engine = make_engine(FakeScorer(while_scoring=raise_always))
    for serial in (100, 101):
        engine.submit([make_pair(serial)])
    engine.submit([make_pair(102)])
    engine.dispatcher.budget.run_out(8)
    assert engine.worker.step()
    with pytest.raises(WorkerDied):
        engine.worker.step()


def test_bad_pairs_in_a_row_do_not_end_a_scorer_that_scores_what_it_scored_at_start() -> None:
    bad = range(100, 164)
    engine = make_engine(FakeScorer(raises_on=dict.fromkeys(bad, ValueError())), max_batch_tokens=64)
    outcomes = [engine.submit([make_pair(serial) for serial in bad])[1] for _ in range(3)]
    _, clean = engine.submit([make_pair(1)])
    engine.run_until_idle()
    assert [set(codes(found[0]).values()) for found in outcomes] == [{"BatchFailed"}] * 3
    assert clean[0].errors == {}


def test_device_that_is_lost_is_never_asked_again() -> None:
    engine = make_engine(FakeScorer(raises_on={2: ScorerLost("misaligned address")}))
    engine.submit([make_pair(1), make_pair(2)])
    with pytest.raises(ScorerLost):
        engine.worker.step()
    assert engine.scorer.batches == [[1, 2]]


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

    engine.dispatcher.submit(make_ticket([make_pair(1)], raise_error, engine.clock()), NO_GRANT)
    _, outcomes = engine.submit([make_pair(2)])
    engine.run_until_idle()
    assert len(outcomes) == 1
    assert engine.observer.callback_errors == [error]
