"""When requests are sent, open loop: at these times, however long the answers take."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import ceil
from typing import Literal

Arrivals = Literal["poisson", "constant", "bursts"]
"""How requests arrive: independently of each other, evenly, or ten at a time."""

BURST_REQUESTS = 10
"""Requests that arrive together in `bursts`."""


def send_times(arrivals: Arrivals, rate: float, seconds: float, seed: int) -> Iterator[float]:
    """Yield the times at which requests are sent.

    Args:
        arrivals: The process.
        rate: Mean requests per second.
        seconds: Length of the test.
        seed: The same seed gives the same times.

    Yields:
        Seconds from the start, ascending, all less than `seconds`.
    """
    if arrivals == "constant":
        yield from (number / rate for number in range(1, ceil(rate * seconds)))
        return
    chance = random.Random(seed)  # noqa: S311 - a load, not a secret
    together = BURST_REQUESTS if arrivals == "bursts" else 1
    time = chance.expovariate(rate / together)
    while time < seconds:
        yield from (time for _ in range(together))
        time += chance.expovariate(rate / together)
