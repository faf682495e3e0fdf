"""What each caller has used lately, in this process: bounded, and at no cost that grows with the number of callers.

The memory storage of `limits` looks at every key with each request, and keeps keys without bound; a client with many
addresses would use both.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from typing import Final

from limits.storage.base import SlidingWindowCounterSupport, Storage
from typing_extensions import override

MOST_KEYS: Final = 100_000
"""Keys that are remembered; the one that was used longest ago goes first."""


@dataclass(slots=True)
class _Count:
    """One key's use in a window, and in the one before. As in Redis, the first begins with the first use."""

    began: float
    current: int = 0
    previous: int = 0

    def move_to(self, now: float, window_s: int) -> None:
        """Forget what is over."""
        passed = floor((now - self.began) / window_s)
        if passed < 1:
            return
        self.previous = self.current if passed == 1 else 0
        self.current = 0
        self.began = self.began + window_s if self.previous else now


class WindowStore(Storage, SlidingWindowCounterSupport):
    """Counts in sliding windows, for the strategy of `limits`.

    Args:
        most_keys: Keys that are remembered.
        clock: Seconds of any beginning.
    """

    def __init__(self, most_keys: int = MOST_KEYS, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most_keys = most_keys
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    @override
    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        count, passed = self._count(key, expiry)
        if floor(count.previous * (1 - passed)) + count.current + amount > limit:
            return False
        count.current += amount
        return True

    @override
    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        count, passed = self._count(key, expiry)
        left_s = (1 - passed) * expiry
        return count.previous, left_s, count.current, left_s + expiry

    @override
    def clear_sliding_window(self, key: str, expiry: int) -> None:
        self.clear(key)

    @override
    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        count, _ = self._count(key, expiry)
        count.current = max(0, count.current + amount)
        return count.current

    @override
    def get(self, key: str) -> int:
        count = self._counts.get(key)
        return 0 if count is None else count.current

    @override
    def get_expiry(self, key: str) -> float:
        return self._clock()

    @override
    def check(self) -> bool:
        return True

    @override
    def reset(self) -> int | None:
        number = len(self._counts)
        self._counts.clear()
        return number

    @override
    def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    @property
    @override
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def _count(self, key: str, expiry: int) -> tuple[_Count, float]:
        """A key's count, and the part of its window that has passed."""
        now = self._clock()
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = _Count(now)
            if len(self._counts) > self._most_keys:
                self._counts.popitem(last=False)
        else:
            self._counts.move_to_end(key)
            count.move_to(now, expiry)
        return count, (now - count.began) / expiry
