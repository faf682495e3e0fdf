"""For whom a request is, as far as the order of the queue depends on it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Literal

LEAST_PRIORITY: Final = 999
"""Least urgent priority."""

MOST_PRIORITY: Final = -999
"""Most urgent priority; lower numbers come first."""

PriorityClass = Literal["urgent", "normal", "background"]
"""Priorities below 0, of 0, and above 0, as metrics and `/info` group them."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The caller of a request, and how urgent the request is."""

    caller: Hashable = ""
    """Who shares what the scorer can do with all other callers of the same priority."""

    priority: int = 0
    """Lower numbers are served first."""

    weight: float = 1.0
    """Share of this caller beside others, above 0: with 2 it may use twice as much as one with 1."""


ANYBODY: Final = Origin()
"""Where callers are not told apart."""


def class_of(priority: int) -> PriorityClass:
    """The class of a priority."""
    return "normal" if not priority else "urgent" if priority < 0 else "background"
