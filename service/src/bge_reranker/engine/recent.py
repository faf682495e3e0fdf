"""Sums over the last seconds."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_S: Final = 10.0
"""Seconds that count: long enough to see a batch job, short enough to forgive one."""

_BUCKET_S = 1.0
"""Seconds whose tokens leave the window together, so that its memory is bounded."""


class Recent:
    """Tokens of the last `WINDOW_S` seconds, to a second."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, float]] = deque()
        self._tokens = 0.0

    def add(self, tokens: float, now: float) -> None:
        """Count tokens."""
        bucket = int(now // _BUCKET_S)
        if self._buckets and self._buckets[-1][0] >= bucket:
            last, counted = self._buckets.pop()
            self._buckets.append((last, counted + tokens))
        else:
            self._buckets.append((bucket, tokens))
        self._tokens += tokens

    def tokens(self, now: float) -> float:
        """Those that still count."""
        oldest = int((now - WINDOW_S) // _BUCKET_S)
        while self._buckets and self._buckets[0][0] <= oldest:
            self._tokens -= self._buckets.popleft()[1]
        return self._tokens if self._buckets else 0.0
