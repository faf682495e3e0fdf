"""Lanes of the queue: one for each caller and priority, and which lane comes first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

from .origin import Origin
from .recent import WINDOW_S, Recent

if TYPE_CHECKING:
    from .ticket import Ticket

_MAX_LANES = 64
"""Lanes at a time, so that looking at each costs little; further callers share the lanes of others."""

_LEAST_ROOM = 1 / 8
"""Part of its time that a request leaves to those who come before it, even where none was expected."""

_MOST_ROOM = 1 / 2
"""Most that it leaves, so that nobody is shut out."""


class Lane:
    """What one caller has waiting with one priority, and what it lately asked for and got.

    Args:
        priority: Lower numbers come first.
        weight: Share of the caller beside others of the same priority.
    """

    __slots__ = ("asked", "heap", "level", "priority", "served", "weight")

    def __init__(self, priority: int, weight: float) -> None:
        self.priority = priority
        self.weight = weight
        self.level = 0
        """How much it was served lately, by powers of two: who was served least comes first, and those who were served
        about as much are as one, so that the earliest deadline decides between them."""
        self.served = Recent()
        self.asked = Recent()
        self.heap: list[tuple[float, int, Ticket]] = []
        """Its waiting tickets, earliest deadline first."""

    @property
    def rank(self) -> tuple[int, int]:
        """Who comes first while nobody is in a hurry."""
        return self.priority, self.level

    def is_idle(self, now: float) -> bool:
        """Whether nothing waits and nothing is remembered."""
        return not self.heap and not self.served.tokens(now) and not self.asked.tokens(now)


class Lanes:
    """The lanes of everybody who lately asked for something."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[int, Hashable], Lane] = {}

    @property
    def are_several(self) -> bool:
        """Whether there is anybody to be told apart."""
        return len(self._lanes) > 1

    def of(self, origin: Origin, now: float) -> Lane:
        """The lane of a request, made where there was none.

        Where there are too many, callers share the lane whose priority is nearest.
        """
        key = (origin.priority, origin.caller)
        lane = self._lanes.get(key)
        if lane is None:
            if len(self._lanes) >= _MAX_LANES:
                self._forget_idle(now)
            if len(self._lanes) >= _MAX_LANES:
                return self._nearest(origin)
            lane = self._lanes[key] = Lane(origin.priority, origin.weight)
        lane.weight = origin.weight
        return lane

    def note_level(self, now: float, step_tokens: float) -> None:
        """Settle who was served how much.

        Args:
            now: Time.
            step_tokens: Tokens up to which nobody counts as served, and of which levels are powers of two.
        """
        for lane in self._lanes.values():
            lane.level = int(lane.served.tokens(now) / lane.weight / step_tokens).bit_length()

    def room(self, lane: Lane, now: float, tokens_per_second: float) -> float:
        """Part of the time that it can spare which a request of a lane leaves to those who come before it.

        Args:
            lane: The request's.
            now: Time.
            tokens_per_second: Measured rate, above 0.
        """
        before_tokens = [other.asked.tokens(now) for other in self._lanes.values() if other.rank < lane.rank]
        if lane.priority <= 0 and not any(before_tokens):
            return 0.0
        return min(_MOST_ROOM, max(_LEAST_ROOM, sum(before_tokens) / WINDOW_S / tokens_per_second))

    def _forget_idle(self, now: float) -> None:
        self._lanes = {key: lane for key, lane in self._lanes.items() if not lane.is_idle(now)}

    def _nearest(self, origin: Origin) -> Lane:
        distances = [abs(lane.priority - origin.priority) for lane in self._lanes.values()]
        nearest = [lane for lane, far in zip(self._lanes.values(), distances, strict=True) if far == min(distances)]
        return nearest[hash(origin.caller) % len(nearest)]


def foremost(lanes: Iterable[Lane], hurried_until: float) -> Lane | None:
    """The lane whose first ticket is served next; each must have one."""
    return min(lanes, key=lambda lane: (order_of(lane, lane.heap[0][0], hurried_until), lane.heap[0][1]), default=None)


def order_of(lane: Lane, deadline: float, hurried_until: float) -> tuple[bool, int, int, float]:
    """What a ticket is ordered by; those with the same go in order of arrival.

    Args:
        lane: The ticket's.
        deadline: The ticket's.
        hurried_until: Up to which deadline tickets come first, because somebody could not wait for others.
    """
    if deadline > hurried_until:
        return True, 0, 0, deadline
    return False, lane.priority, lane.level, deadline
