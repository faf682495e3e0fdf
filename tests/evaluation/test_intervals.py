import numpy as np
import pytest

from bge_reranker.evaluation.intervals import CONFIDENCE, estimate_mean


def test_the_interval_of_normal_values_is_that_of_the_textbook() -> None:
    values = np.random.default_rng(1).normal(0.6, 0.2, 400)

    estimate = estimate_mean(values)

    half = 1.96 * values.std(ddof=1) / 20
    assert (estimate.low, estimate.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_the_interval_has_the_true_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(7)
    draws = [estimate_mean(generator.binomial(1, 0.3, 60).astype(float)) for _ in range(60)]

    covered = sum(draw.low is not None and draw.high is not None and draw.low <= 0.3 <= draw.high for draw in draws)

    assert covered / len(draws) == pytest.approx(CONFIDENCE, abs=0.09)


def test_equal_values_leave_no_doubt_and_one_value_leaves_all() -> None:
    assert estimate_mean(np.array([0.5, 0.5, 0.5])).low == 0.5
    alone = estimate_mean(np.array([0.5]))
    assert (alone.low, alone.high, alone.excludes_zero) == (None, None, False)


def test_a_difference_that_every_query_shows_is_not_chance() -> None:
    gains = np.random.default_rng(2).uniform(0.01, 0.2, 30)
    assert estimate_mean(gains).excludes_zero
    assert not estimate_mean(gains - gains.mean()).excludes_zero


def test_a_few_values_of_which_one_differs_still_have_an_interval() -> None:
    estimate = estimate_mean(np.array([1.0, 1.0, 0.5]))
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0.5 <= estimate.low < estimate.mean < estimate.high <= 1
