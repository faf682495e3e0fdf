"""Tokens reserved or waiting, by deadline: how much is served before a request, and how long the rest can wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

_MIN_CAPACITY = 64
"""Deadlines that there is room for at the start; doubled whenever it is used up."""


class Demand:
    """Tokens by deadline, waiting and reserved, sorted; an entry for each deadline that has any.

    Sums are one pass of NumPy; adding and taking away move what comes later, at the speed of memory.
    """

    def __init__(self) -> None:
        self._length = 0
        self._deadlines = np.empty(_MIN_CAPACITY)
        self._tokens = np.zeros((2, _MIN_CAPACITY), dtype=np.int64)

    def __len__(self) -> int:
        return self._length

    def add(self, deadline: float, *, waiting_tokens: int = 0, reserved_tokens: int = 0) -> None:
        """Add tokens to those of a deadline; numbers below 0 take away what was added before."""
        index = int(self._deadlines[: self._length].searchsorted(deadline))
        if index == self._length or self._deadlines[index] != deadline:
            self._insert(index, deadline)
        self._tokens[0, index] += waiting_tokens
        self._tokens[1, index] += reserved_tokens
        if not self._tokens[:, index].any():
            self._remove(index)

    def until(self, deadline: float, usual: float) -> float:
        """Tokens that are due at a deadline or before.

        Args:
            deadline: Up to which tokens count.
            usual: Tokens that a reserved one turns out to be.
        """
        end = int(self._deadlines[: self._length].searchsorted(deadline, side="right"))
        waiting_tokens, reserved_tokens = self._tokens[:, :end].sum(axis=1)
        return float(waiting_tokens + reserved_tokens * usual)

    def after(self, deadline: float, usual: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is due later than a deadline.

        Args:
            deadline: Which the others are later than.
            usual: Tokens that a reserved one turns out to be.

        Returns:
            float64 (N,) and float64 (N,): deadlines, earliest first, and the tokens of each.
        """
        start = int(self._deadlines[: self._length].searchsorted(deadline, side="right"))
        waiting_tokens, reserved_tokens = self._tokens[:, start : self._length]
        return self._deadlines[start : self._length].copy(), waiting_tokens + reserved_tokens * usual

    def first_hurried(
        self,
        expected_end: Callable[[NDArray[np.float64]], NDArray[np.float64]],
        usual: float,
        taken: Sequence[tuple[float, int]] = (),
    ) -> float:
        """The earliest deadline that something would miss, were it served by deadline.

        Args:
            expected_end: From tokens to the latest time at which they have ended, float64 (N,) each.
            usual: Tokens that a reserved one turns out to be.
            taken: Deadlines and tokens that are no longer here, but not served either.

        Returns:
            Infinity where everything is in time.
        """
        deadlines = self._deadlines[: self._length]
        waiting_tokens, reserved_tokens = self._tokens[:, : self._length]
        tokens = waiting_tokens + reserved_tokens * usual
        if taken:
            taken_deadlines, taken_tokens = zip(*sorted(taken), strict=True)
            places = deadlines.searchsorted(taken_deadlines)
            deadlines, tokens = np.insert(deadlines, places, taken_deadlines), np.insert(tokens, places, taken_tokens)
        missed = np.flatnonzero(expected_end(tokens.cumsum()) > deadlines)
        return float(deadlines[missed[0]]) if len(missed) else float("inf")

    def _insert(self, index: int, deadline: float) -> None:
        if self._length == len(self._deadlines):
            self._deadlines = np.concatenate((self._deadlines, np.empty_like(self._deadlines)))
            self._tokens = np.concatenate((self._tokens, np.zeros_like(self._tokens)), axis=1)
        last, self._length = self._length, self._length + 1
        self._deadlines[index + 1 : last + 1] = self._deadlines[index:last]
        self._tokens[:, index + 1 : last + 1] = self._tokens[:, index:last]
        self._deadlines[index] = deadline
        self._tokens[:, index] = 0

    def _remove(self, index: int) -> None:
        last, self._length = self._length, self._length - 1
        self._deadlines[index : last - 1] = self._deadlines[index + 1 : last]
        self._tokens[:, index : last - 1] = self._tokens[:, index + 1 : last]
