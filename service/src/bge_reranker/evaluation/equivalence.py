"""Cut-offs of one version on the scale of another.

Source: equipercentile equating (Kolen and Brennan, Test Equating, Scaling, and Linking), linear between observed pairs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float64]


def equivalent_score(score: float, serving: Logits, new: Logits) -> float | None:
    """The score by which a new version keeps the same share of pairs as a cut-off does in the serving one.

    Args:
        score: The cut-off after the sigmoid, between 0 and 1.
        serving: float64 (N,), the serving version's logits of the golden set's pairs.
        new: float64 (N,), the new version's of the same pairs, in the same order.

    Returns:
        A score after the sigmoid; None where not both sides of the cut-off have a pair.
    """
    cut_off = math.log(score / (1 - score))
    if not serving.min() <= cut_off <= serving.max():
        return None
    places, first = np.unique(np.sort(serving), return_index=True)
    # Equal logits have one place: the mean of what the new version has in those ranks.
    counts = np.diff(np.append(first, len(serving)))
    equated = np.add.reduceat(np.sort(new), first) / counts
    logit = float(np.interp(cut_off, places, equated))
    return 1 / (1 + math.exp(-logit)) if logit > 0 else math.exp(logit) / (1 + math.exp(logit))
