"""The one queue: tickets in lanes, taken in batches bounded by tokens."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count

from .demand import Demand
from .lanes import Lane, Lanes, foremost, order_of
from .origin import PriorityClass, class_of
from .plan import Plan
from .ticket import Ticket, TicketSlice


class TokenBudgetQueue:
    """Tickets of the most urgent lane first, in a lane the earliest deadline first, then in order of arrival.

    That order gives way to deadlines as soon as somebody is in a hurry: up to `hurried_until` the lanes decide among
    those tickets alone. A pair that does not fit into the rest of a batch starts the next one. A ticket that is apart
    shares a batch with no other. One that ended while it waited is skipped when it surfaces.

    Args:
        demand: Where what waits is added up by deadline, beside what is reserved.
        lanes: Of everybody.
    """

    def __init__(self, demand: Demand, lanes: Lanes) -> None:
        self._demand = demand
        self._lanes = lanes
        self._waiting: set[Lane] = set()
        self._sequence = count()
        self._waiting_tokens = 0
        self._waiting_pairs = 0
        self._by_class: Counter[PriorityClass] = Counter()
        self._first: Ticket | None = None
        self.hurried_until = float("inf")
        """Deadline of the first ticket that could not wait for a batch of others; tickets due by then come first."""

    @property
    def waiting_tokens(self) -> int:
        """Tokens of all pairs that wait."""
        return self._waiting_tokens

    @property
    def waiting_pairs(self) -> int:
        """All pairs that wait."""
        return self._waiting_pairs

    @property
    def waiting_by_class(self) -> Mapping[PriorityClass, int]:
        """Tokens of all pairs that wait, by class of priority."""
        return self._by_class

    def reorder(self, now: float, step_tokens: float, hurried_until: float) -> None:
        """Settle who comes first from now on.

        Args:
            now: Time.
            step_tokens: As of `Lanes.note_level`.
            hurried_until: As of the attribute.
        """
        self._lanes.note_level(now, step_tokens)
        self.hurried_until = hurried_until
        self._first = None

    def overtakes(self, plan: Plan) -> bool:
        """Whether a ticket waits that comes before one in a batch that has not begun."""
        first = self.first()
        return first is not None and self._order(first.lane, first.deadline) < max(
            self._order(lane, deadline) for lane, deadline in plan.latest_by_lane.items()
        )

    def has_next_within(self, room_tokens: int) -> bool:
        """Whether the pair that is taken next may join a batch and fits into its room."""
        ticket = self.first()
        return ticket is not None and not ticket.is_apart and ticket.next_pair_tokens <= room_tokens

    def largest_next_tokens(self) -> int:
        """Tokens of the largest pair that is the next one of its lane; 0 where nothing waits."""
        self._drop_taken()
        return max((lane.heap[0][2].next_pair_tokens for lane in self._waiting), default=0)

    def add(self, ticket: Ticket) -> None:
        """Let a new ticket wait behind those of its lane with the same deadline or an earlier one."""
        ticket.arrival = next(self._sequence)
        self._push(ticket)
        self._count(ticket, ticket.waiting_tokens, ticket.waiting_pairs)

    def forget(self, ticket: Ticket) -> None:
        """Stop counting a ticket that is about to end; to be called before its pairs are marked as ended."""
        self.forget_some(ticket, ticket.waiting_tokens, ticket.waiting_pairs)

    def forget_some(self, ticket: Ticket, tokens: int, pairs: int) -> None:
        """Stop counting waiting pairs of a ticket that were given up, and their tokens."""
        self._count(ticket, -tokens, -pairs)
        self._first = None

    def first(self) -> Ticket | None:
        """The ticket whose pairs are taken next."""
        if self._first is not None and not self._first.is_taken:
            return self._first
        self._drop_taken()
        lane = foremost(self._waiting, self.hurried_until)
        self._first = lane.heap[0][2] if lane is not None else None
        return self._first

    def take(self, room_tokens: int, *, begins: bool) -> TicketSlice | None:
        """Take the next pairs, of one ticket, as far as they fit into the room; some ticket must wait.

        Args:
            room_tokens: Tokens that the batch has room for.
            begins: Begin a batch, even with a pair that alone exceeds the room; else join one.

        Returns:
            The slice, or None where nothing fits or the ticket joins no other.
        """
        ticket = self.first()
        if ticket is None:
            raise RuntimeError("pairs are taken from an empty queue; this is a bug")
        if ticket.is_apart and not begins:
            return None
        slice_ = ticket.take(room_tokens, at_least_one=begins)
        if slice_ is not None:
            self._count(ticket, -slice_.tokens, -len(slice_.pairs))
        return slice_

    def give_back(self, slices: Sequence[TicketSlice]) -> None:
        """Return the slices that were taken last to their former positions."""
        for slice_ in reversed(slices):
            ticket = slice_.ticket
            if ticket.has_ended:
                continue
            is_back = not ticket.is_queued
            ticket.give_back(slice_)
            if is_back:
                self._push(ticket)
            self._count(ticket, slice_.tokens, len(slice_.pairs))
        self._first = None

    def _order(self, lane: Lane, deadline: float) -> tuple[bool, int, int, float]:
        return order_of(lane, deadline, self.hurried_until)

    def _push(self, ticket: Ticket) -> None:
        heapq.heappush(ticket.lane.heap, (ticket.deadline, ticket.arrival, ticket))
        ticket.is_queued = True
        self._waiting.add(ticket.lane)
        self._first = None

    def _drop_taken(self) -> None:
        """Drop tickets of which nothing waits from the heads of their lanes, and lanes without tickets."""
        for lane in tuple(self._waiting):
            while lane.heap and lane.heap[0][2].is_taken:
                heapq.heappop(lane.heap)[2].is_queued = False
            if not lane.heap:
                self._waiting.remove(lane)

    def _count(self, ticket: Ticket, tokens: int, pairs: int) -> None:
        self._waiting_tokens += tokens
        self._waiting_pairs += pairs
        self._by_class[class_of(ticket.lane.priority)] += tokens
        self._demand.add(ticket.deadline, waiting_tokens=tokens)
