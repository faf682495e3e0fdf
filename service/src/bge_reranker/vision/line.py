"""Whether the pictures of a request would be read in time, beside those of others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import QueueFull

_KEPT: Final = 0.9
"""Part of what was measured before that counts beside the newest measurement."""

_LEAST_WAIT_S: Final = 1.0

_REMEDY: Final = (
    "Ask again after the seconds in Retry-After, or ask another replica; fewer and smaller pictures are read sooner."
)


class Place:
    """What is left to read for one request. As a context manager it is given up in the end.

    Attributes:
        deadline: Until when it has to be there, on the line's clock.
        work: What is left.
    """

    def __init__(self, line: Line, work: float, deadline: float) -> None:
        self._line = line
        self.work = work
        self.deadline = deadline

    def done(self, work: float, seconds: float) -> None:
        """Note that a part was read."""
        self._line.note(self, work, seconds)

    def leave(self) -> None:
        """Give it up; without effect the second time."""
        self._line.leave(self)


class Line:
    """Requests whose pictures are read by the same threads, each in turn, so that all get equal parts of the time.

    Safe to use from several threads.

    Args:
        threads: How many read.
        clock: Seconds, monotonic.
    """

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._clock = clock
        self._places: set[Place] = set()
        self._lock = threading.Lock()
        self._measured_s = 0.0
        self._measured_work = 0.0

    def enter(self, work: float, timeout_s: float) -> Place:
        """Take a place, or be refused at once.

        One that finds nobody before it is welcome, however much it brings: what is late costs its own score alone.

        Args:
            work: To be done, in any unit that takes about the same time each.
            timeout_s: Within which it has to be done.

        Raises:
            QueueFull: If it would be late, or others would be because of it; says when to retry.
        """
        now = self._clock()
        place = Place(self, work, now + timeout_s)
        with self._lock:
            late_s = self._late_s(place, now)
            if late_s > 0:
                raise QueueFull(
                    f"The pictures of {len(self._places)} other requests are being read here, and with those of this "
                    f"one some would be late; they have {timeout_s:.3g} s.",
                    remedy=_REMEDY,
                    retry_after_s=max(_LEAST_WAIT_S, late_s),
                )
            self._places.add(place)
        return place

    def note(self, place: Place, work: float, seconds: float) -> None:
        """Note that a part of a request was read.

        Args:
            place: The request's.
            work: How much.
            seconds: That a thread took for it.
        """
        with self._lock:
            place.work = max(0.0, place.work - work)
            self._measured_s = _KEPT * self._measured_s + seconds
            self._measured_work = _KEPT * self._measured_work + work

    def leave(self, place: Place) -> None:
        """Give a place up."""
        with self._lock:
            self._places.discard(place)

    def _late_s(self, newcomer: Place, now: float) -> float:
        """Seconds by which a newcomer would be late, or somebody else because of it; 0 where nobody would be."""
        if not self._places or not self._measured_work:
            return 0.0
        places = [*self._places, newcomer]
        unit_s = self._measured_s / self._measured_work / self._threads
        work = np.array([place.work for place in places])
        remaining_s = np.array([place.deadline - now for place in places])
        late_s = unit_s * _work_until_done(work) - remaining_s
        late_before_s = unit_s * _work_until_done(work[:-1]) - remaining_s[:-1]
        is_new = np.append((late_s[:-1] > 0) & (late_before_s <= 0), late_s[-1] > 0)
        return float(late_s[is_new].max(initial=0.0))


def _work_until_done(work: NDArray[np.float64]) -> NDArray[np.float64]:
    """What has been done, of all together, when each has ended, where all get equal parts.

    Args:
        work: float64 (N,): of each.

    Returns:
        float64 (N,).
    """
    order = np.argsort(work, kind="stable")
    least = work[order]
    longer = np.arange(len(work) - 1, -1, -1)
    found = np.empty_like(work)
    found[order] = np.cumsum(least) + longer * least
    return found
