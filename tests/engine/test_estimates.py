"""What guesses made before tokenising are worth."""

from __future__ import annotations

import pytest

from bge_reranker.engine.estimates import Estimates


def test_estimates_are_believed_before_anything_is_known() -> None:
    estimates = Estimates()
    assert (estimates.usual, estimates.least) == (1.0, 0.25)


def test_usual_and_least_follow_what_requests_turn_out_to_have() -> None:
    estimates = Estimates()
    for _ in range(400):
        estimates.note(1_000, 500)
    assert estimates.usual == estimates.least == pytest.approx(0.5)
    estimates.note(1_000, 100)
    assert estimates.least == pytest.approx(0.1)
    assert estimates.usual == pytest.approx(0.48, rel=1e-4)
    for _ in range(200):
        estimates.note(1_000, 500)
    assert estimates.least == pytest.approx(0.5, rel=0.01)


def test_a_request_of_which_nothing_was_estimated_says_nothing() -> None:
    estimates = Estimates()
    estimates.note(0, 100)
    assert estimates.usual == 1.0
