"""How sure a mean over queries is: bootstrap confidence intervals, by SciPy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from typing_extensions import override

CONFIDENCE = 0.95
"""Share of such intervals that have the true mean in them."""

RESAMPLES = 9_999
"""Draws of a bootstrap; more than that changes an end by less than a thousandth."""

_FEWEST_QUERIES = 2
_MOST_NUMBERS_AT_ONCE = 4_000_000
"""Numbers that are drawn at a time: 32 MB."""

SEED = 0
"""Of the draws: the same figures have the same interval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries with its confidence interval."""

    mean: float
    low: float | None
    """Lower end; None for a single query, which tells nothing about others."""

    high: float | None

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference is more than chance among the queries explains."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @override
    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mean:.4f}"
        return f"{self.mean:.4f} ({self.low:.4f} to {self.high:.4f})"

    def signed(self) -> str:
        """As a difference is written."""
        if self.low is None or self.high is None:
            return f"{self.mean:+.4f}"
        return f"{self.mean:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


def estimate_mean(values: NDArray[np.float64]) -> Estimate:
    """Estimate a mean over queries by the bias-corrected and accelerated bootstrap.

    Args:
        values: float64 (N,), one for each query. Differences of two models on the same queries make it a paired test.

    Source: Efron, Better Bootstrap Confidence Intervals, 1987, as `scipy.stats.bootstrap`.
    """
    mean = float(np.mean(values))
    if len(values) < _FEWEST_QUERIES:
        return Estimate(mean, None, None)
    if np.all(values == values[0]):
        return Estimate(mean, mean, mean)
    found = _bootstrap(values, "BCa")
    if not np.isfinite(found).all():
        # Few queries with few different values have no acceleration.
        found = _bootstrap(values, "percentile")
    return Estimate(mean, *found)


def _bootstrap(values: NDArray[np.float64], method: str) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        interval = stats.bootstrap(
            (values,),
            np.mean,
            n_resamples=RESAMPLES,
            batch=max(1, _MOST_NUMBERS_AT_ONCE // len(values)),
            confidence_level=CONFIDENCE,
            method=method,
            rng=np.random.default_rng(SEED),
        ).confidence_interval
    return float(interval.low), float(interval.high)
