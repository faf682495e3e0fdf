"""A circuit breaker: who does not answer is left alone for a while, instead of every request waiting for it."""

from __future__ import annotations

from typing import Final

MOST_FAILURES: Final = 3
"""Failures in a row after which the other side is left alone."""

PAUSE_S: Final = 5.0
"""Seconds for which it is; then one request tries, and the others go on without."""


class Breaker:
    """Whether to ask. Time is an argument.

    Args:
        most_failures: Failures in a row that open it.
        pause_s: Seconds after which one request may try again.
    """

    def __init__(self, most_failures: int = MOST_FAILURES, pause_s: float = PAUSE_S) -> None:
        self._most_failures = most_failures
        self._pause_s = pause_s
        self._failures = 0
        self._tries_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether requests go on without asking."""
        return self._failures >= self._most_failures

    def allows(self, now: float) -> bool:
        """Whether this request may ask; where it is open, one in each pause may.

        Args:
            now: Seconds, monotonic.
        """
        if not self.is_open:
            return True
        if now < self._tries_at:
            return False
        self._tries_at = now + self._pause_s
        return True

    def succeeded(self) -> None:
        """Note that it answered."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """Note that it did not, or not in time."""
        self._failures += 1
        if self._failures == self._most_failures:
            self._tries_at = now + self._pause_s
