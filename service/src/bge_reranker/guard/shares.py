"""What callers get of the scorer beside one another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

USUAL_WEIGHT: Final = 1.0
"""Weight of a caller whom the setting does not name."""


@cache
def weights_of(text: str | None) -> Mapping[str, float]:
    """Read `callerWeights`: `name=weight`, separated by commas.

    Args:
        text: The setting, which its pattern has checked.
    """
    entries = (entry.strip().rpartition("=") for entry in text.split(",")) if text else ()
    return {name: float(weight) for name, _, weight in entries}


def weight_of(name: str, text: str | None) -> float:
    """The weight of a caller.

    Args:
        name: The caller's.
        text: The setting `callerWeights`.
    """
    return weights_of(text).get(name, USUAL_WEIGHT)
