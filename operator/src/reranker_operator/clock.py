"""Time as rounds need it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Two clocks.

    Attributes:
        seconds: Monotonic.
        stamp: Now as RFC 3339.
    """

    seconds: Callable[[], float]
    stamp: Callable[[], str]


def seconds_between(since: str, until: str) -> float:
    """Between two times as RFC 3339; none if they are not."""
    try:
        return (dt.datetime.fromisoformat(until) - dt.datetime.fromisoformat(since)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def real_clock() -> Clock:
    """The real time."""
    return Clock(time.monotonic, lambda: dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
