"""An index of live tickets by deadline: which one expires next."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count

from .ticket import Ticket

_MIN_ENTRIES_TO_COMPACT = 64
"""Entries below which ended tickets are simply left in the heap until they surface."""


class DeadlineIndex:
    """Live tickets by deadline; ended ones are dropped as they surface, or when they outnumber the live ones."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Ticket]] = []
        self._sequence = count()
        self._compact_at_entries = _MIN_ENTRIES_TO_COMPACT

    def __iter__(self) -> Iterator[Ticket]:
        """All live tickets, in no order."""
        return (ticket for _, _, ticket in self._heap if not ticket.has_ended)

    def add(self, ticket: Ticket) -> None:
        """Watch a ticket until it ends."""
        heapq.heappush(self._heap, (ticket.deadline, next(self._sequence), ticket))
        if len(self._heap) >= self._compact_at_entries:
            self._compact()

    def next_deadline(self) -> float | None:
        """The earliest deadline of a live ticket, if there is one."""
        while self._heap and self._heap[0][2].has_ended:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_expired(self, now: float) -> list[Ticket]:
        """Remove and return the live tickets whose deadline has come, earliest first."""
        expired = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            expired.append(heapq.heappop(self._heap)[2])
        return expired

    def _compact(self) -> None:
        """Drop ended tickets; the next compaction comes after as many additions as there are live tickets now."""
        self._heap = [entry for entry in self._heap if not entry[2].has_ended]
        heapq.heapify(self._heap)
        self._compact_at_entries = max(_MIN_ENTRIES_TO_COMPACT, 2 * len(self._heap))
