"""Virtual time: events in the order of their times."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Calendar:
    """Events to come. Those of one time happen in the order in which they were entered."""

    def __init__(self) -> None:
        self.now = 0.0
        """Seconds since the beginning."""
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, event: Callable[[], None]) -> None:
        """Enter an event; a time that is over means now."""
        heapq.heappush(self._events, (max(when, self.now), next(self._order), event))

    def run(self) -> None:
        """Let everything happen until nothing is left."""
        while self._events:
            self.now, _, event = heapq.heappop(self._events)
            event()
