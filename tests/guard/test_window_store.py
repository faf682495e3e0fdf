"""Counts in sliding windows of ten seconds; the clock is an argument."""

from __future__ import annotations

import time

import pytest
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from bge_reranker.guard.window_store import WindowStore

WINDOW_S = 10


class Clock:
    def __init__(self) -> None:
        self.now = 103.7

    def __call__(self) -> float:
        return self.now


def take(store: WindowStore, amount: int = 1, limit: int = 10) -> bool:
    return store.acquire_sliding_window_entry("key", limit, WINDOW_S, amount)


def test_a_share_lasts_for_a_window_and_comes_back_gradually() -> None:
    clock = Clock()
    store = WindowStore(clock=clock)
    assert [take(store) for _ in range(11)] == [True] * 10 + [False]
    clock.now += WINDOW_S
    assert not take(store)
    clock.now += WINDOW_S / 2
    assert [take(store) for _ in range(6)] == [True] * 5 + [False]
    clock.now += 2 * WINDOW_S
    assert take(store, 10)


def test_a_cost_that_does_not_fit_is_not_counted() -> None:
    store = WindowStore(clock=Clock())
    assert take(store, 8)
    assert not take(store, 3)
    assert take(store, 2)


def test_counts_may_be_corrected_but_never_below_nothing() -> None:
    store = WindowStore(clock=Clock())
    assert take(store, 8)
    store.incr("key", WINDOW_S, -6)
    assert store.get("key") == 2
    store.incr("key", WINDOW_S, -6)
    assert store.get("key") == 0
    store.incr("key", WINDOW_S, 30)
    assert not take(store)


def test_the_key_that_was_used_longest_ago_is_forgotten_first() -> None:
    store = WindowStore(most_keys=3, clock=Clock())
    for key in ("a", "b", "c", "a", "d"):
        store.acquire_sliding_window_entry(key, 10, WINDOW_S)
    assert len(store) == 3
    assert {key: store.get(key) for key in "abcd"} == {"a": 2, "b": 0, "c": 1, "d": 1}


@pytest.mark.parametrize("costs", [[1] * 30, [3, 4, 3, 1, 1], [11], [10, 1]])
def test_it_decides_as_the_librarys_own_storage_does(costs: list[int]) -> None:
    item = RateLimitItemPerSecond(10, 3600)
    ours = SlidingWindowCounterRateLimiter(WindowStore(clock=time.time))
    theirs = SlidingWindowCounterRateLimiter(MemoryStorage())
    for cost in costs:
        assert ours.hit(item, "key", cost=cost) == theirs.hit(item, "key", cost=cost)
    assert ours.get_window_stats(item, "key").remaining == theirs.get_window_stats(item, "key").remaining
