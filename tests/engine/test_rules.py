"""The pure rules: admission, throughput, memory budget, deadlines."""

from __future__ import annotations

import math

import pytest

from bge_reranker.engine.admission import Load, refusal
from bge_reranker.engine.budget import TokenBudget
from bge_reranker.engine.deadlines import DeadlineIndex
from bge_reranker.engine.throughput import Throughput
from bge_reranker.engine.ticket import Outcome, Ticket
from bge_reranker.errors import DeadlineExceeded

from .fakes import make_pair


def ignore(_: Outcome) -> None:
    """An `on_done` for tickets whose outcome does not matter."""


def test_refusal_admits_any_size_when_idle() -> None:
    assert refusal(10**9, 0.001, Load(0, 100, 10.0)) is None


def test_refusal_says_when_there_will_be_room_when_the_queue_is_full() -> None:
    error = refusal(30, math.inf, Load(90, 100, 10.0))
    assert error is not None
    assert (error.code, error.retry_after_s) == ("QueueFull", 2.0)


def test_refusal_of_a_request_larger_than_the_queue_waits_for_idleness_only() -> None:
    error = refusal(5000, math.inf, Load(90, 100, 10.0))
    assert error is not None
    assert error.retry_after_s == 9.0


def test_refusal_comes_at_once_when_the_backlog_exceeds_the_deadline() -> None:
    error = refusal(1, 2.0, Load(50, 100, 10.0))
    assert error is not None
    assert (error.code, error.retry_after_s) == ("QueueFull", 3.0)
    assert refusal(1, 6.0, Load(50, 100, 10.0)) is None


def test_refusal_is_deadline_exceeded_when_the_deadline_has_passed() -> None:
    error = refusal(1, 0.0, Load(0, 100, 10.0))
    assert error is not None
    assert error.code == "DeadlineExceeded"


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
    late, early = (Ticket([make_pair(1)], deadline, ignore, 0.0) for deadline in (6.0, 5.0))
    deadlines.add(late)
    deadlines.add(early)
    for _ in range(1000):
        ended = Ticket([make_pair(2)], 1.0, ignore, 0.0)
        deadlines.add(ended)
        ended.fail_rest(DeadlineExceeded("too late"), 1.0)
    assert len(deadlines._heap) < 100
    assert set(deadlines) == {early, late}
    assert deadlines.next_deadline() == 5.0
    assert deadlines.pop_expired(4.9) == []
    assert deadlines.pop_expired(6.0) == [early, late]
    assert deadlines.next_deadline() is None
