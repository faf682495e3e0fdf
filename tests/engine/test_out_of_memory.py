"""A device without memory left: smaller batches, the same pairs, and the way back."""

from __future__ import annotations

from .fakes import FakeScorer, codes, make_engine, make_pair, prepare_while_scoring


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
