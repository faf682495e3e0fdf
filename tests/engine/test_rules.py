"""The pure rules: throughput, memory budget, deadlines."""

from __future__ import annotations

import math

import pytest

from bge_reranker.engine.budget import TokenBudget
from bge_reranker.engine.deadlines import DeadlineIndex
from bge_reranker.engine.throughput import Throughput
from bge_reranker.errors import DeadlineExceeded

from .fakes import make_pair, make_ticket


def test_throughput_follows_full_batches_when_the_device_slows_down() -> None:
    throughput = Throughput()
    throughput.record(1000, 1.0, 1000)
    for _ in range(50):
        throughput.record(1000, 2.0, 1000)
    assert throughput.tokens_per_second == pytest.approx(500, rel=0.01)


def test_throughput_ignores_slow_small_batches_but_not_fast_ones() -> None:
    throughput = Throughput()
    throughput.record(1000, 1.0, 1000)
    throughput.record(10, 1.0, 1000)
    assert throughput.tokens_per_second == 1000
    throughput.record(100, 0.01, 1000)
    assert throughput.tokens_per_second > 1000


def test_throughput_believes_slow_batches_of_many_pairs_though_they_are_a_small_part_of_the_possible_one() -> None:
    throughput = Throughput(batch_s=0.001)
    throughput.record(16_384, 0.33, 16_384)
    for _ in range(3):
        throughput.record(3_500, 0.5, 16_384)
    assert throughput.tokens_per_second == pytest.approx(7_000)


@pytest.mark.parametrize(("tokens", "batch_s"), [(500, 0.0), (3_500, 0.01)])
def test_throughput_does_not_believe_batches_of_which_launching_is_a_part(tokens: int, batch_s: float) -> None:
    throughput = Throughput(batch_s)
    throughput.record(16_384, 0.33, 16_384)
    for _ in range(3):
        throughput.record(tokens, 0.5, 16_384)
    assert throughput.tokens_per_second == pytest.approx(16_384 / 0.33)


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_throughput_believes_three_batches_in_a_row_that_miss_to_one_side_and_forgets_the_past(factor: float) -> None:
    throughput = Throughput()
    throughput.record(100_000, 100.0, 1000)
    rates = []
    for _ in range(3):
        throughput.record(1000, 1.0 / factor, 1000)
        rates.append(throughput.tokens_per_second)
    assert rates[1] == pytest.approx(1000, rel=0.05)
    assert rates[2] == pytest.approx(1000 * factor)


def test_throughput_is_not_moved_much_by_batches_that_miss_to_both_sides() -> None:
    throughput = Throughput()
    throughput.record(100_000, 100.0, 1000)
    for number in range(30):
        throughput.record(1000, 1.3 if number % 3 else 0.6, 1000)
    assert throughput.tokens_per_second == pytest.approx(1000, rel=0.1)


def test_throughput_outlives_one_batch_during_which_the_process_was_paused() -> None:
    throughput = Throughput()
    throughput.record(1_000, 0.001, possible_tokens=1_000)
    throughput.record(1_000, 30.0, possible_tokens=1_000)
    assert throughput.tokens_per_second > 500_000
    assert throughput.doubt_s < 0.001
    for _ in range(2):
        throughput.record(1_000, 0.0025, possible_tokens=1_000)
    assert throughput.tokens_per_second == pytest.approx(400_000)


def test_throughput_tells_by_how_much_batches_miss_their_times() -> None:
    throughput = Throughput()
    throughput.record(1000, 1.0, 1000)
    assert throughput.doubt_s == 0
    for number in range(100):
        throughput.record(1000, 1.2 if number % 2 else 0.8, 1000)
    assert throughput.doubt_s == pytest.approx(0.2, rel=0.2)


def test_throughput_allows_at_least_one_token_and_expects_nothing_before_it_is_measured() -> None:
    throughput = Throughput()
    assert (throughput.tokens_within(1.0), throughput.expected_s(100)) == (1, 0.0)
    throughput.record(100, 0.0, 100)
    assert math.isfinite(throughput.tokens_per_second)


def test_budget_halves_the_failed_batch_and_regains_the_maximum_step_by_step() -> None:
    budget = TokenBudget(800)
    budget.run_out(600)
    assert budget.tokens == 300
    steps = [budget.tokens for _ in range(1000) if budget.pass_batch(budget.tokens)]
    assert steps == [400, 500, 600, 700, 800]


def test_budget_does_not_grow_on_batches_that_prove_nothing() -> None:
    budget = TokenBudget(800)
    budget.run_out(800)
    assert not any(budget.pass_batch(10) for _ in range(5000))


def test_budget_is_more_patient_each_time_memory_runs_out() -> None:
    budget = TokenBudget(800)
    needed = []
    for _ in range(3):
        budget.run_out(budget.tokens)
        count = 1
        while not budget.pass_batch(budget.tokens):
            count += 1
        needed.append(count)
    assert needed == sorted(set(needed))


def test_budget_stays_when_a_single_pair_beyond_it_fails() -> None:
    budget = TokenBudget(800)
    budget.run_out(5000)
    assert budget.tokens == 800


def test_budget_never_falls_below_one_token() -> None:
    budget = TokenBudget(16)
    for _ in range(10):
        budget.run_out(budget.tokens)
    assert budget.tokens == 1


def test_deadlines_expire_live_tickets_in_order_and_forget_the_many_that_ended() -> None:
    deadlines = DeadlineIndex()
    late, early = (make_ticket([make_pair(1)], deadline=deadline) for deadline in (6.0, 5.0))
    deadlines.add(late)
    deadlines.add(early)
    for _ in range(1000):
        ended = make_ticket([make_pair(2)], deadline=1.0)
        deadlines.add(ended)
        ended.fail_rest(DeadlineExceeded("too late"), 1.0)
    assert len(deadlines._heap) < 100
    assert set(deadlines) == {early, late}
    assert deadlines.next_deadline() == 5.0
    assert deadlines.pop_expired(4.9) == []
    assert deadlines.pop_expired(6.0) == [early, late]
    assert deadlines.next_deadline() is None
