"""The one queue: tickets by deadline, taken in batches bounded by tokens."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count

from .demand import Demand
from .ticket import Ticket, TicketSlice


class TokenBudgetQueue:
    """Tickets with the earliest deadline first, those with the same in order of arrival.

    Nothing overtakes but by an earlier deadline: a pair that does not fit into the rest of a batch starts the next one.
    A ticket that is apart shares a batch with no other. One that ended while it waited is skipped when it surfaces.

    Args:
        demand: Where what waits is added up by deadline, beside what is reserved.
    """

    def __init__(self, demand: Demand) -> None:
        self._heap: list[tuple[float, int, Ticket]] = []
        self._sequence = count()
        self._demand = demand
        self._waiting_tokens = 0

    @property
    def waiting_tokens(self) -> int:
        """Tokens of all pairs that wait."""
        return self._waiting_tokens

    def has_next_within(self, room_tokens: int) -> bool:
        """Whether the pair that is taken next may join a batch and fits into its room."""
        ticket = self.first()
        return ticket is not None and not ticket.is_apart and ticket.next_pair_tokens <= room_tokens

    def add(self, ticket: Ticket) -> None:
        """Let a new ticket wait behind those with the same deadline or an earlier one."""
        ticket.arrival = next(self._sequence)
        self._push(ticket)
        self._count(ticket, ticket.waiting_tokens)

    def forget(self, ticket: Ticket) -> None:
        """Stop counting a ticket that is about to end; to be called before its pairs are marked as ended."""
        self._count(ticket, -ticket.waiting_tokens)

    def first(self) -> Ticket | None:
        """The ticket whose pairs are taken next."""
        while self._heap and self._heap[0][2].has_ended:
            heapq.heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def take(self, room_tokens: int, *, begins: bool) -> TicketSlice | None:
        """Take the next pairs, of one ticket, as far as they fit into the room; some ticket must wait.

        Args:
            room_tokens: Tokens that the batch has room for.
            begins: Begin a batch, even with a pair that alone exceeds the room; else join one.

        Returns:
            The slice, or None where nothing fits or the ticket joins no other.
        """
        ticket = self._heap[0][2]
        if ticket.is_apart and not begins:
            return None
        slice_ = ticket.take(room_tokens, at_least_one=begins)
        if slice_ is None:
            return None
        self._count(ticket, -slice_.tokens)
        if ticket.taken_pairs == ticket.total_pairs:
            heapq.heappop(self._heap)
        return slice_

    def give_back(self, slices: Sequence[TicketSlice]) -> None:
        """Return the slices that were taken last to their former positions."""
        for slice_ in reversed(slices):
            ticket = slice_.ticket
            if ticket.has_ended:
                continue
            if ticket.taken_pairs == ticket.total_pairs:
                self._push(ticket)
            ticket.give_back(slice_)
            self._count(ticket, slice_.tokens)

    def _push(self, ticket: Ticket) -> None:
        heapq.heappush(self._heap, (ticket.deadline, ticket.arrival, ticket))

    def _count(self, ticket: Ticket, tokens: int) -> None:
        self._waiting_tokens += tokens
        self._demand.add(ticket.deadline, waiting_tokens=tokens)
