"""Who was told to come back, and is known again."""

from __future__ import annotations

import pytest

from bge_reranker.engine.promises import Promises


def test_a_promise_is_worth_one_request_at_its_time() -> None:
    promises = Promises()
    promises.give("a", 100, 10.0, 0.0)
    assert not promises.redeem("a", 9.0)
    assert not promises.redeem("b", 10.0)
    assert promises.redeem("a", 10.0)
    assert not promises.redeem("a", 10.0)


def test_a_promise_ends_a_quarter_of_its_time_late_and_two_seconds_late_at_least() -> None:
    promises = Promises()
    for key, wait_s in (("a", 100.0), ("b", 100.0), ("c", 0.1), ("d", 0.1)):
        promises.give(key, 100, wait_s, 0.0)
    assert promises.redeem("c", 2.0)
    assert not promises.redeem("d", 2.2)
    assert promises.redeem("a", 124.9)
    assert not promises.redeem("b", 125.1)


def test_requests_that_are_alike_have_a_promise_each() -> None:
    promises = Promises()
    promises.give("a", 100, 20.0, 0.0)
    promises.give("a", 100, 10.0, 0.0)
    assert [promises.redeem("a", now) for now in (10.0, 10.0, 20.0, 20.0)] == [True, False, True, False]


def test_expected_tokens_follow_the_share_that_comes_back() -> None:
    promises = Promises()
    promises.give(0, 1_000, 10.0, 0.0)
    assert promises.expected_tokens(0.0) == 500
    for number in range(1, 200):
        promises.give(number, 1_000, 10.0, 100.0 * number)
        promises.redeem(number, 100.0 * number + 10.0)
    promises.give("kept", 1_000, 10.0, 30_000.0)
    assert promises.expected_tokens(30_000.0) == pytest.approx(1_000, rel=0.05)
    for number in range(200):
        promises.give(number, 1_000, 10.0, 40_000.0 + 100.0 * number)
    assert promises.expected_tokens(60_000.0) == 0
    promises.give("forgotten", 1_000, 10.0, 60_000.0)
    assert promises.expected_tokens(60_000.0) == pytest.approx(100)


def test_memory_is_bounded_and_all_of_it_comes_back() -> None:
    promises = Promises()
    for number in range(20_000):
        promises.give(number % 3, 1, 10.0, 0.0)
    assert promises.expected_tokens(0.0) == 5_000
    assert promises.expected_tokens(1_000.0) == 0
    assert not promises._by_key
    assert not promises._by_end
