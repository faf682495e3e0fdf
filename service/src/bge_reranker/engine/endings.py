"""How tickets end without a score: their caller has gone, their deadline has come, or would come before their end."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import CallerGone, DeadlineExceeded, RerankerError
from .admission import LATE_REMEDY, shown
from .deadlines import DeadlineIndex
from .prepared import PreparedBatch
from .settlement import Settlement
from .throughput import Throughput
from .ticket import Ticket
from .token_queue import TokenBudgetQueue


class Endings:
    """Ends tickets wherever their pairs are.

    Args:
        queue: Where pairs wait.
        prepared: The batch that comes next.
        settlement: Told of each ticket that ends.
    """

    def __init__(self, queue: TokenBudgetQueue, prepared: PreparedBatch, settlement: Settlement) -> None:
        self._queue = queue
        self._prepared = prepared
        self._settlement = settlement
        self._deadlines = DeadlineIndex()

    def watch(self, ticket: Ticket) -> None:
        """End this ticket at its deadline."""
        self._deadlines.add(ticket)

    @property
    def next_deadline(self) -> float | None:
        """When the next ticket expires; None where no ticket lives."""
        return self._deadlines.next_deadline()

    def abandon(self, ticket: Ticket, now: float) -> None:
        """End a ticket whose caller has gone; nothing happens when it has ended already."""
        if not ticket.has_ended:
            self._end_rest(ticket, CallerGone("The caller closed the connection."), now)

    def sweep(self, now: float) -> None:
        """End the tickets whose deadline has come."""
        for ticket in self._deadlines.pop_expired(now):
            message = "The deadline passed before every pair was scored."
            self._end_rest(ticket, DeadlineExceeded(message, remedy=LATE_REMEDY), now)

    def end_all(self, error: Callable[[], RerankerError], now: float) -> None:
        """End everything that is left."""
        for ticket in list(self._deadlines):
            self._end_rest(ticket, error(), now)

    def end_if_hopeless(self, ticket: Ticket, ends_at: float, now: float, throughput: Throughput) -> bool:
        """End a ticket that would end too late, before more of it is computed; a trial is given its first batch.

        Of one whose caller takes parts only the last pairs are given up, as many as would come too late.
        """
        if ends_at <= ticket.deadline or (ticket.is_trial and not ticket.ended_pairs):
            return False
        if ticket.is_partial:
            ends_at -= self._leave_out(ticket, ends_at - ticket.deadline, throughput)
            if ticket.has_ended:
                self._settlement.note_end(ticket)
                return True
            if ends_at <= ticket.deadline:
                return False
        message = (
            f"The last pair of this request would be scored in {shown(ends_at - now)}, "
            f"and its deadline is in {shown(ticket.deadline - now)}."
        )
        figures = {"expected_s": ends_at - now, "remaining_s": ticket.deadline - now}
        self._end_rest(ticket, DeadlineExceeded(message, remedy=LATE_REMEDY, figures=figures), now)
        return True

    def _leave_out(self, ticket: Ticket, late_s: float, throughput: Throughput) -> float:
        """Give up waiting pairs of a ticket that would end so much too late; the seconds that they would have taken."""
        waiting_tokens, waiting_pairs = ticket.waiting_tokens, ticket.waiting_pairs
        late_tokens = (late_s + throughput.doubt_s) * throughput.tokens_per_second
        given_up_tokens = ticket.trim(waiting_tokens - late_tokens, left_out())
        self._queue.forget_some(ticket, given_up_tokens, waiting_pairs - ticket.waiting_pairs)
        return throughput.expected_s(given_up_tokens)

    def _end_rest(self, ticket: Ticket, error: RerankerError, now: float) -> None:
        self._queue.forget(ticket)
        self._prepared.note_end()
        ticket.fail_rest(error, now)
        self._settlement.note_end(ticket)


def left_out() -> DeadlineExceeded:
    """Make the error of pairs that are given up so that the others come in time."""
    return DeadlineExceeded("Not scored: the deadline left no time for it.", remedy=LATE_REMEDY)
