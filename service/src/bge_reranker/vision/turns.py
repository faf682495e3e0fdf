"""The pictures of one request taking turns with those of others in shared threads."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RerankerError
from .line import Line, Place

Pixels = NDArray[np.uint8]
"""uint8 (side, side, 3)."""

Result = Pixels | RerankerError
"""A picture, or why there is none."""

Read = Callable[[str, float], Result]
"""Reads a source within so many seconds, as far as it waits for others."""

_LEAST_S = 0.25
"""Seconds that each source has at least."""


@dataclass(frozen=True, slots=True)
class Readers:
    """Threads that read pictures in one way.

    Attributes:
        read: Reads a source.
        work: How much that is, in a unit that takes about the same time each.
        threads: Where it is done.
        line: Who waits for them.
        at_once: Pictures of one request at a time.
    """

    read: Read
    work: Callable[[str], float]
    threads: Executor
    line: Line
    at_once: int


class Turns:
    """Submits a few pictures at a time, the next when one is done. Safe to use from several threads.

    Threads serve what is submitted in its order: whoever submitted a thousand pictures at once would keep everybody
    else waiting for all of them.

    Attributes:
        results: What becomes of each source.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.results: dict[str, Future[Result]] = {}
        self._places: list[Place] = []
        self._is_stopped = False
        self._lock = threading.Lock()

    def add(self, sources: Iterable[str], readers: Readers, timeout_s: float) -> None:
        """Begin with some sources.

        Args:
            sources: What is read.
            readers: By whom.
            timeout_s: Within which.

        Raises:
            QueueFull: If that cannot be done beside what others wait for.
        """
        waiting = deque(sources)
        if not waiting:
            return
        place = readers.line.enter(sum(map(readers.work, waiting)), timeout_s)
        self._places.append(place)
        self.results |= {source: Future() for source in waiting}
        deadline = self._clock() + timeout_s
        for _ in range(min(readers.at_once, len(waiting))):
            readers.threads.submit(self._turn, waiting, readers, place, deadline)

    def stop(self) -> None:
        """Begin nothing more."""
        with self._lock:
            self._is_stopped = True
        for place in self._places:
            place.leave()

    def _turn(self, waiting: deque[str], readers: Readers, place: Place, deadline: float) -> None:
        """Read the next one, and stand in line again for the one after it.

        It has its share of the time that is left, so that slow ones do not take that of those behind them.
        """
        with self._lock:
            if self._is_stopped or not waiting:
                return
            rounds = -(-len(waiting) // readers.at_once)
            source = waiting.popleft()
        result = self.results[source]
        # Whoever waited may have given up, and cancelled it.
        if result.set_running_or_notify_cancel():
            began = self._clock()
            try:
                found = readers.read(source, max(_LEAST_S, (deadline - began) / rounds))
            except BaseException as error:  # noqa: BLE001 - it is whoever waits that must know
                result.set_exception(error)
            else:
                result.set_result(found)
            place.done(readers.work(source), self._clock() - began)
        readers.threads.submit(self._turn, waiting, readers, place, deadline)
