"""Two lists of logits and the verdict on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LIMIT = 2e-3
"""Largest difference of logits in float32; a differently cut text is off by tenths or more."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our logits under one preset beside a reference's."""

    shape: str
    peer: str
    preset: str
    is_control: bool
    """True where the preset is the wrong one on purpose."""

    pairs: int
    max_difference: float
    mean_difference: float
    worst_pair: str
    limit: float = LIMIT

    @property
    def passed(self) -> bool:
        """Whether the right preset agrees, or the wrong one does not. A difference that is no number never passes."""
        return self.max_difference > self.limit if self.is_control else self.max_difference <= self.limit

    @property
    def verdict(self) -> str:
        """The same in words."""
        if self.is_control:
            return "differs, as it must" if self.passed else "FAILED: the wrong preset agrees too"
        return "agrees" if self.passed else "FAILED"


def compare(
    names: Sequence[str],
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    shape: str,
    peer: str,
    preset: str,
    is_control: bool,
) -> Comparison:
    """Measure the differences.

    Raises:
        ValueError: If the lists have different lengths; this is a bug.
    """
    if not len(names) == len(ours) == len(theirs):
        raise ValueError(f"{len(names)} pairs, {len(ours)} and {len(theirs)} logits; this is a bug")
    differences = np.abs(np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64))
    # argmax takes the first NaN for the largest, so that one is named.
    worst = int(np.argmax(differences))
    return Comparison(
        shape=shape,
        peer=peer,
        preset=preset,
        is_control=is_control,
        pairs=len(names),
        max_difference=float(differences[worst]),
        mean_difference=float(differences.mean()),
        worst_pair=names[worst],
    )
