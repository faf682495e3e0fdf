"""Samples that wait for the shadow: bounded in bytes, and what does not fit is dropped at once."""

from __future__ import annotations

import threading
from collections import deque

from .sample import Sample


class SampleQueue:
    """Between the event loop, which never waits, and the one thread that feeds the shadow.

    Args:
        max_bytes: Most that the texts of waiting samples hold.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._samples: deque[Sample] = deque()
        self._held_bytes = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def offer(self, sample: Sample) -> bool:
        """Keep a sample if there is room for it."""
        with self._changed:
            if self._is_closed or self._held_bytes + sample.held_bytes > self._max_bytes:
                return False
            self._samples.append(sample)
            self._held_bytes += sample.held_bytes
            self._changed.notify()
            return True

    def take(self, timeout_s: float) -> Sample | None:
        """The sample that has waited longest; None where none came in time, or the queue is closed."""
        with self._changed:
            if not self._samples and not self._is_closed:
                self._changed.wait(timeout_s)
            if self._is_closed or not self._samples:
                return None
            sample = self._samples.popleft()
            self._held_bytes -= sample.held_bytes
            return sample

    def clear(self) -> int:
        """Drop everything; the number of samples that were dropped."""
        with self._changed:
            dropped = len(self._samples)
            self._samples.clear()
            self._held_bytes = 0
            return dropped

    def close(self) -> None:
        """Drop everything, keep nothing more, and wake whoever waits."""
        with self._changed:
            self._is_closed = True
            self._samples.clear()
            self._held_bytes = 0
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is kept any more."""
        return self._is_closed

    def __len__(self) -> int:
        return len(self._samples)
