"""The arithmetic of pairs: which tree runs first in each, and what their figures say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from typing_extensions import override

Side = Literal["this", "other"]

_RESAMPLES = 10_000
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class MedianRatio:
    """The median of the pairs' ratios with a bootstrap interval of 95 %."""

    ratio: float
    low: float
    high: float

    @override
    def __str__(self) -> str:
        return f"{self.ratio:.3f} ({self.low:.3f} to {self.high:.3f})"


def turns(rounds: int) -> Iterator[tuple[Side, Side]]:
    """Yield who runs first and second: each tree begins every other pair, so that a steady drift favours neither."""
    for number in range(rounds):
        yield ("other", "this") if number % 2 else ("this", "other")


def median_ratio(this: Sequence[float], other: Sequence[float], seed: int = 0) -> MedianRatio:
    """Compare figures that were measured in pairs.

    Args:
        this: This tree's, one a pair.
        other: The other tree's, in the same order, above 0.
        seed: Of the resampling.
    """
    if len(this) != len(other) or not this:
        raise ValueError(f"{len(this)} and {len(other)} figures are no pairs; this is a bug")
    ratios = np.asarray(this, dtype=np.float64) / np.asarray(other, dtype=np.float64)
    picked = np.random.default_rng(seed).integers(len(ratios), size=(_RESAMPLES, len(ratios)))
    medians = np.median(ratios[picked], axis=1)
    low, high = np.quantile(medians, ((1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2))
    return MedianRatio(float(np.median(ratios)), float(low), float(high))
