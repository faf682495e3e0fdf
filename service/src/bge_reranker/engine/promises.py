"""Who was refused and told to retry later, and how many do."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import count

_MAX_PROMISES = 10_000
"""Promises that are remembered at a time; beyond them a retry is not recognised."""

_EARLY = 0.02
"""Part of its time by which a request may come too early: clocks differ."""

_LATE = 0.25
"""Part of its time by which it may come late."""

_MIN_LATE_S = 2.0
"""Seconds by which it may be late at least: the header that most clients read has whole seconds."""

_MEMORY = 0.98
"""Weight that the fates of earlier promises keep with each further one: some dozens count."""

_FIRST_GUESS = 0.5
"""Share that is taken to retry before anybody could."""

_LEAST_SHARE = 0.1
"""Least share that is reckoned with: where hardly anybody has retried so far, whoever does needs some room."""


@dataclass(slots=True, eq=False)
class _Promise:
    tokens: int
    priority: int
    is_open: bool = True


class Promises:
    """Requests that were refused with a Retry-After, until they retry or their time is over."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, list[tuple[float, int, _Promise]]] = {}
        self._by_end: list[tuple[float, int, Hashable, _Promise]] = []
        self._sequence = count()
        self._open_tokens: Counter[int] = Counter()
        self._kept = _FIRST_GUESS
        self._ended = 1.0

    def give(self, key: Hashable, tokens: int, wait_s: float, now: float, priority: int = 0) -> None:
        """Remember that a request of some priority is to retry after some seconds."""
        self._lapse(now)
        if len(self._by_end) >= _MAX_PROMISES:
            return
        promise, order = _Promise(tokens, priority), next(self._sequence)
        begins_at, ends_at = now + wait_s * (1 - _EARLY), now + wait_s + max(_MIN_LATE_S, _LATE * wait_s)
        heapq.heappush(self._by_key.setdefault(key, []), (begins_at, order, promise))
        heapq.heappush(self._by_end, (ends_at, order, key, promise))
        self._open_tokens[priority] += tokens

    def redeem(self, key: Hashable, now: float) -> bool:
        """Whether a request was to retry about now; each promise is worth one request."""
        self._lapse(now)
        promises = self._by_key.get(key)
        if promises is None or promises[0][0] > now:
            return False
        self._end(key, promises[0][2], kept=1.0)
        return True

    def expected_tokens(self, now: float, priority: int = 0) -> float:
        """Tokens that are still expected to be retried, by experience, of this priority or a more urgent one."""
        self._lapse(now)
        open_tokens = sum(tokens for other, tokens in self._open_tokens.items() if other <= priority)
        return open_tokens * max(_LEAST_SHARE, self._kept / self._ended)

    def _lapse(self, now: float) -> None:
        while self._by_end and (self._by_end[0][0] < now or not self._by_end[0][3].is_open):
            _, _, key, promise = heapq.heappop(self._by_end)
            if promise.is_open:
                self._end(key, promise, kept=0.0)

    def _end(self, key: Hashable, promise: _Promise, *, kept: float) -> None:
        promise.is_open = False
        self._open_tokens[promise.priority] -= promise.tokens
        if not self._open_tokens[promise.priority]:
            del self._open_tokens[promise.priority]
        self._kept = self._kept * _MEMORY + kept
        self._ended = self._ended * _MEMORY + 1.0
        promises = self._by_key[key]
        while promises and not promises[0][2].is_open:
            heapq.heappop(promises)
        if not promises:
            del self._by_key[key]
