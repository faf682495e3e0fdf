"""The batches that the scorer has: the one that it computes, and what is launched behind it on a device."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from .plan import Plan
from .throughput import Throughput

_MIN_STALL_S = 60.0
"""Seconds for which any batch may run before the worker counts as stuck."""

_STALL_FACTOR = 10.0
"""Times its expected duration for which a batch may run before the worker counts as stuck."""


class RunningBatches:
    """Plans in the order in which they are computed; each begins when the one before it ends."""

    def __init__(self) -> None:
        self._plans: deque[Plan] = deque()
        self.began = 0.0
        """When the oldest began to be computed."""
        self._since = 0.0
        """The same, or when a part of it began where it is scored in parts."""

    def __len__(self) -> int:
        return len(self._plans)

    def __iter__(self) -> Iterator[Plan]:
        return iter(self._plans)

    @property
    def oldest(self) -> Plan:
        """The batch that is computed.

        Raises:
            RuntimeError: If there is none.
        """
        if not self._plans:
            raise RuntimeError("a batch ends, or a part of it begins, while none runs; this is a bug")
        return self._plans[0]

    @property
    def tokens(self) -> int:
        """Tokens of all of them."""
        return sum(plan.tokens for plan in self._plans)

    def add(self, plan: Plan, now: float) -> None:
        """Take in a batch that was given to the scorer."""
        self._plans.append(plan)
        if len(self._plans) == 1:
            self._begin_oldest(now)

    def begin_part(self, now: float) -> None:
        """Note that a part of the oldest begins."""
        self._since = now

    def pop(self, compute_s: float) -> Plan:
        """Remove the oldest, which took so many seconds; the next one has begun then."""
        plan = self.oldest
        self._plans.popleft()
        if self._plans:
            self._begin_oldest(self.began + compute_s)
        return plan

    def pop_all(self) -> list[Plan]:
        """Remove all of them, oldest first."""
        plans = list(self._plans)
        self._plans.clear()
        return plans

    def left_s(self, now: float, throughput: Throughput) -> float:
        """Seconds until all of them are expected to have ended."""
        if not self._plans:
            return 0.0
        oldest_tokens = self._plans[0].tokens
        left_s = max(0.0, self._since + throughput.expected_s(oldest_tokens) - now)
        return left_s + throughput.expected_s(self.tokens - oldest_tokens)

    def is_making_progress(self, now: float, throughput: Throughput) -> bool:
        """False when the oldest runs far longer than expected."""
        if not self._plans:
            return True
        return now - self._since < max(_MIN_STALL_S, _STALL_FACTOR * throughput.expected_s(self._plans[0].tokens))

    def _begin_oldest(self, now: float) -> None:
        self.began = self._since = now
        for slice_ in self._plans[0].slices:
            if not slice_.ticket.has_ended:
                slice_.ticket.begin(slice_, now)
