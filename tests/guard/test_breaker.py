from __future__ import annotations

from bge_reranker.guard.breaker import Breaker


def opened() -> Breaker:
    breaker = Breaker(most_failures=3, pause_s=5.0)
    for _ in range(3):
        breaker.failed(100.0)
    return breaker


def test_a_breaker_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(most_failures=3, pause_s=5.0)
    for outcome in (breaker.failed, breaker.failed):
        outcome(0.0)
    breaker.succeeded()
    for outcome in (breaker.failed, breaker.failed):
        outcome(0.0)
    assert not breaker.is_open
    assert breaker.allows(0.0)
    breaker.failed(0.0)
    assert breaker.is_open


def test_an_open_breaker_lets_one_request_try_in_each_pause() -> None:
    breaker = opened()
    assert [breaker.allows(now) for now in (100.0, 104.9, 105.0, 105.1, 109.9, 110.0)] == [
        False,
        False,
        True,
        False,
        False,
        True,
    ]


def test_a_try_that_succeeds_closes_the_breaker_and_one_that_fails_does_not() -> None:
    breaker = opened()
    assert breaker.allows(105.0)
    breaker.failed(105.0)
    assert breaker.is_open
    assert not breaker.allows(106.0)
    breaker.succeeded()
    assert breaker.allows(106.0)
