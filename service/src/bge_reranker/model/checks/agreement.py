"""Whether logits agree: of a fast computation with the plain one, and of a pair alone with the same in a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...engine.batch import Batch, Pair, pack
from ...precision import Precision

Logits = NDArray[np.float32]

COMPANY = 4
"""Times that companions join a watched pair in the largest trial batch, which thereby fills every size of block."""


def disagreement(found: Logits, expected: Logits, precision: Precision) -> str | None:
    """Name the largest difference beyond the bound, or None; NaN agrees with NaN.

    Args:
        found: float32 (N,).
        expected: float32 (N,).
        precision: Sets the bound.
    """
    with np.errstate(invalid="ignore"):
        difference = np.abs(found.astype(np.float64) - expected)
        bound = precision.agreement_bound * np.maximum(1.0, np.abs(expected) / 10)
        # Two equal infinities differ by NaN, and so do two NaN.
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        is_beyond = ~same & ~(np.isfinite(expected) & (difference <= bound))
    if not is_beyond.any():
        return None
    worst = float(difference[is_beyond].max())
    return f"its logits differ by up to {worst:.3g}, more than {float(bound[is_beyond].min()):.3g}"


def is_batch_invariant(score: Callable[[Batch], Logits], pairs: Sequence[Pair], companions: Sequence[Pair]) -> bool:
    """Score pairs alone, together, in reverse and beside others of the same lengths, and compare the bits.

    Args:
        score: Computes float32 (N,) of a batch.
        pairs: Pairs to watch.
        companions: Other pairs of the same lengths.
    """
    alone = np.concatenate([score(pack([pair])) for pair in pairs])
    arrangements = (
        list(pairs),
        list(reversed(pairs)),
        [*companions, *pairs],
        [*(COMPANY * list(companions)), *pairs],
    )
    last = len(pairs)
    for arranged in arrangements:
        together = score(pack(arranged))[-last:]
        expected = alone[::-1] if arranged[-1] is pairs[0] else alone
        if together.tobytes() != np.ascontiguousarray(expected).tobytes():
            return False
    return True
