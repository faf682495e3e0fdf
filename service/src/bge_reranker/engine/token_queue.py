"""The one queue: tickets oldest first, taken in batches bounded by tokens.

What belongs here: the order of waiting and what fits into a batch. What must not: clocks, locks, deadlines, errors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from .ticket import Ticket, TicketSlice


class TokenBudgetQueue:
    """Tickets in order of arrival. A ticket that ended while it waited is skipped when it surfaces.

    Nothing overtakes: a pair that does not fit into the rest of a batch starts the next one, so every ticket moves
    forward with each batch. A ticket that is apart shares a batch with no other.
    """

    def __init__(self) -> None:
        self._tickets: deque[Ticket] = deque()
        self._waiting_tokens = 0

    @property
    def waiting_tokens(self) -> int:
        """Tokens of all pairs that wait."""
        return self._waiting_tokens

    def has_next_within(self, room_tokens: int) -> bool:
        """Whether the oldest waiting pair may join a batch and fits into its room."""
        self._drop_ended()
        if not self._tickets or self._tickets[0].is_apart:
            return False
        return self._tickets[0].next_pair_tokens <= room_tokens

    def add(self, ticket: Ticket) -> None:
        """Let a new ticket wait behind all others."""
        self._tickets.append(ticket)
        self._waiting_tokens += ticket.waiting_tokens

    def forget(self, ticket: Ticket) -> None:
        """Stop counting a ticket that is about to end; to be called before its pairs are marked as ended."""
        self._waiting_tokens -= ticket.waiting_tokens

    def first(self) -> Ticket | None:
        """The ticket whose pairs are taken next."""
        return self._tickets[0] if self._drop_ended() else None

    def take(self, room_tokens: int, *, begins: bool) -> TicketSlice | None:
        """Take the oldest pairs, of one ticket, as far as they fit into the room; some ticket must wait.

        Args:
            room_tokens: Tokens that the batch has room for.
            begins: Begin a batch, even with a pair that alone exceeds the room; else join one.

        Returns:
            The slice, or None where nothing fits or the ticket joins no other.
        """
        ticket = self._tickets[0]
        if ticket.is_apart and not begins:
            return None
        piece = ticket.take(room_tokens, at_least_one=begins)
        if piece is None:
            return None
        self._waiting_tokens -= piece.tokens
        if ticket.taken_pairs == ticket.total_pairs:
            self._tickets.popleft()
        return piece

    def give_back(self, pieces: Sequence[TicketSlice]) -> None:
        """Put slices that were taken last back to the front, in their old order."""
        for piece in reversed(pieces):
            ticket = piece.ticket
            if ticket.has_ended:
                continue
            if not self._tickets or self._tickets[0] is not ticket:
                self._tickets.appendleft(ticket)
            ticket.give_back(piece)
            self._waiting_tokens += piece.tokens

    def _drop_ended(self) -> bool:
        """Drop ended tickets from the front; returns whether one that waits is left."""
        while self._tickets and self._tickets[0].has_ended:
            self._tickets.popleft()
        return bool(self._tickets)
