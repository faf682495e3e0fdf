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


def real_clock() -> Clock:
    """The real time."""
    return Clock(time.monotonic, lambda: dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
