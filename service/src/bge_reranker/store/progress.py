"""How far a transfer is: bytes, rate and the time that is left."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_WINDOW_S = 15.0
"""Seconds over which the rate is taken."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer is at one moment."""

    step: str
    """What is being done: resolving, waiting, fetching, unpacking, converting, hashing."""
    done_bytes: int
    total_bytes: int | None
    bytes_per_second: float

    @property
    def eta_s(self) -> float | None:
        """Seconds until the end at the present rate, where both are known."""
        if self.total_bytes is None or self.bytes_per_second <= 0:
            return None
        return max(0.0, (self.total_bytes - self.done_bytes) / self.bytes_per_second)


class Meter:
    """Counts the bytes of one step after another; every thread may advance it.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.begin("resolving", None)

    def begin(self, step: str, total_bytes: int | None, done_bytes: int = 0) -> None:
        """Start a step anew.

        Args:
            step: Its name.
            total_bytes: All it has to do, where known.
            done_bytes: What an earlier try did already.
        """
        with self._lock:
            self._step, self._total_bytes, self._done_bytes = step, total_bytes, done_bytes
            self._samples = deque([(self._clock(), done_bytes)])

    def advance(self, count: int) -> None:
        """Count bytes; a negative count takes back what has to be done again."""
        with self._lock:
            self._done_bytes += count
            now = self._clock()
            if now - self._samples[-1][0] >= _WINDOW_S / 30:
                self._samples.append((now, self._done_bytes))
            while len(self._samples) > 1 and now - self._samples[0][0] > _WINDOW_S:
                self._samples.popleft()

    def progress(self) -> Progress:
        """How far it is now."""
        with self._lock:
            began, before = self._samples[0]
            elapsed = self._clock() - began
            rate = (self._done_bytes - before) / elapsed if elapsed > 0 else 0.0
            return Progress(self._step, self._done_bytes, self._total_bytes, max(0.0, rate))
