"""The pictures of one request taking turns with those of others in shared threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future

import numpy as np
from numpy.typing import NDArray

from ..errors import RerankerError

Pixels = NDArray[np.uint8]
"""uint8 (side, side, 3)."""

Result = Pixels | RerankerError
"""A picture, or why there is none."""

Read = Callable[[str], Result]
"""Reads a source."""


class Turns:
    """Submits a few pictures at a time, the next when one is done. Safe to use from several threads.

    Threads serve what is submitted in its order: whoever submitted a thousand pictures at once would keep everybody
    else waiting for all of them.

    Attributes:
        results: What becomes of each source.
    """

    def __init__(self) -> None:
        self.results: dict[str, Future[Result]] = {}
        self._is_stopped = False
        self._lock = threading.Lock()

    def add(self, sources: Iterable[str], read: Read, threads: Executor, at_once: int) -> None:
        """Begin with some sources.

        Args:
            sources: What is read.
            read: By what.
            threads: Where.
            at_once: How many at a time.
        """
        waiting = deque(sources)
        self.results |= {source: Future() for source in waiting}
        for _ in range(min(at_once, len(waiting))):
            threads.submit(self._turn, waiting, read, threads)

    def stop(self) -> None:
        """Begin nothing more."""
        with self._lock:
            self._is_stopped = True

    def _turn(self, waiting: deque[str], read: Read, threads: Executor) -> None:
        """Read the next one, and stand in line again for the one after it."""
        with self._lock:
            if self._is_stopped or not waiting:
                return
            source = waiting.popleft()
        result = self.results[source]
        # Whoever waited may have given up, and cancelled it.
        if result.set_running_or_notify_cancel():
            try:
                result.set_result(read(source))
            except BaseException as error:  # noqa: BLE001 - it is whoever waits that must know
                result.set_exception(error)
        threads.submit(self._turn, waiting, read, threads)
