from __future__ import annotations

import numpy as np
import pytest

from .ratios import MedianRatio, median_ratio, turns


def test_each_tree_begins_every_other_pair() -> None:
    assert list(turns(3)) == [("this", "other"), ("other", "this"), ("this", "other")]


def test_the_ratio_is_the_median_of_the_pairs_and_not_of_the_sides() -> None:
    # The sides' medians, 20 and 20, would say that nothing changed.
    found = median_ratio([10.0, 20.0, 60.0], [20.0, 10.0, 20.0])
    assert found.ratio == 2.0
    assert (found.low, found.high) == (0.5, 3.0)


def test_drift_of_the_machine_that_both_sides_share_leaves_the_ratio_alone() -> None:
    speed = np.linspace(100.0, 10.0, 12)
    found = median_ratio((0.9 * speed).tolist(), speed.tolist())
    assert (found.ratio, found.low, found.high) == pytest.approx((0.9, 0.9, 0.9))


def test_the_interval_covers_the_true_ratio_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        this, other = np.exp(generator.normal(0.0, 0.1, size=(2, 15)))
        found = median_ratio(this.tolist(), (other / 0.97).tolist())
        covered += found.low <= 0.97 <= found.high
    assert 0.88 <= covered / 200 <= 1.0


def test_a_single_pair_has_no_width() -> None:
    assert median_ratio([3.0], [2.0]) == MedianRatio(1.5, 1.5, 1.5)


@pytest.mark.parametrize(("this", "other"), [([], []), ([1.0], [1.0, 2.0])])
def test_figures_that_are_no_pairs_are_refused(this: list[float], other: list[float]) -> None:
    with pytest.raises(ValueError, match="no pairs"):
        median_ratio(this, other)


def test_a_ratio_reads_with_its_interval() -> None:
    assert str(MedianRatio(0.98, 0.9512, 1.01)) == "0.980 (0.951 to 1.010)"
