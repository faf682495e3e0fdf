from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bge_reranker.evaluation.equivalence import equivalent_score

LOGITS = st.lists(st.floats(-12, 12), min_size=2, max_size=40)


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_a_cut_off_between_two_pairs_lies_as_far_between_those_of_the_same_rank() -> None:
    serving, new = np.array([-1.0, 1.0, 3.0]), np.array([0.0, 4.0, 6.0])
    # 0 is half-way from -1 to 1, the two lowest; so is 2 from 0 to 4.
    assert equivalent_score(0.5, serving, new) == pytest.approx(sigmoid(2.0))


def test_equal_logits_become_the_mean_of_their_ranks() -> None:
    serving, new = np.array([-1.0, 0.0, 0.0, 1.0]), np.array([5.0, 1.0, 3.0, -5.0])
    assert equivalent_score(0.5, serving, new) == pytest.approx(sigmoid(2.0))


@pytest.mark.parametrize("serving", [[1.0, 2.0], [-2.0, -1.0]])
def test_without_a_pair_on_both_sides_there_is_no_equivalent(serving: list[float]) -> None:
    assert equivalent_score(0.5, np.array(serving), np.array([0.0, 1.0])) is None


@given(LOGITS, st.floats(0.01, 0.99))
def test_a_version_that_scores_the_same_keeps_every_cut_off(logits: list[float], score: float) -> None:
    found = equivalent_score(score, np.array(logits), np.array(logits))
    assert found is None or found == pytest.approx(score, abs=1e-6)


@given(LOGITS, st.floats(0.05, 0.95), st.floats(-5, 5), st.floats(0.1, 3))
def test_a_rising_linear_change_of_logits_moves_the_cut_off_as_well(
    logits: list[float], score: float, shift: float, scale: float
) -> None:
    serving = np.array(logits)
    found = equivalent_score(score, serving, scale * serving + shift)
    expected = sigmoid(scale * math.log(score / (1 - score)) + shift)
    assert found is None or found == pytest.approx(expected, abs=1e-6)


@given(LOGITS, st.randoms())
def test_the_order_of_pairs_carries_no_meaning(logits: list[float], random: object) -> None:
    serving = np.array(logits)
    new = serving**3
    order = np.random.default_rng(hash(random) % 2**32).permutation(len(logits))
    assert equivalent_score(0.5, serving, new) == equivalent_score(0.5, serving[order], new[order])
