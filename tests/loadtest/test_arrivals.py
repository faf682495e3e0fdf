"""When an open loop sends."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bge_reranker.loadtest.arrivals import BURST_REQUESTS, Arrivals, send_times


def test_constant_arrivals_are_evenly_spaced_and_end_with_the_step() -> None:
    assert list(send_times("constant", 4, 1, seed=0)) == [0.25, 0.5, 0.75]


def test_poisson_gaps_have_the_mean_and_the_spread_of_an_exponential() -> None:
    gaps = np.diff(list(send_times("poisson", 50, 400, seed=3)))
    # 20,000 gaps: three standard errors.
    assert np.mean(gaps) == pytest.approx(1 / 50, rel=3 / np.sqrt(len(gaps)))
    assert np.std(gaps) == pytest.approx(1 / 50, rel=0.05)


def test_bursts_keep_the_rate_and_arrive_together() -> None:
    times = list(send_times("bursts", 50, 400, seed=3))
    assert len(times) == pytest.approx(50 * 400, rel=0.1)
    assert all(len(set(times[at : at + BURST_REQUESTS])) == 1 for at in range(0, len(times), BURST_REQUESTS))


@pytest.mark.parametrize("arrivals", ["constant", "poisson", "bursts"])
def test_times_ascend_end_with_the_step_and_repeat_by_their_seed(arrivals: Arrivals) -> None:
    times = list(send_times(arrivals, 30, 5, seed=7))
    assert all(a <= b for a, b in pairwise(times))
    assert times[-1] < 5
    assert times == list(send_times(arrivals, 30, 5, seed=7))
