"""A batch while it is being filled: who may still join, and when it would end."""

from __future__ import annotations

from dataclasses import replace

from .admission import trial_s
from .plan import Plan
from .throughput import Throughput
from .ticket import Ticket, TicketSlice


class Draft:
    """Fills a batch within its limit, and no further than the tickets that it completes can wait.

    Args:
        plan: What the batch holds already, if anything.
        limit_tokens: Limit of a batch that holds nothing yet.
        starts_at: When it is expected to start.
        throughput: Expected rate, above 0, and how far to trust it.
    """

    def __init__(self, plan: Plan | None, limit_tokens: int, starts_at: float, throughput: Throughput) -> None:
        self._plan = plan
        self._limit_tokens = limit_tokens if plan is None else plan.limit_tokens
        self._starts_at = starts_at
        self._throughput = throughput
        self._added: list[TicketSlice] = []
        self._tokens = 0 if plan is None else plan.tokens
        self._is_closed = plan is not None and plan.room_tokens == 0
        self._ends_by = float("inf") if plan is None else plan.ends_by

    @property
    def is_empty(self) -> bool:
        """Whether the next slice begins the batch."""
        return not self._tokens

    def ends_at(self, ticket: Ticket) -> float:
        """When all of a ticket would be done if it came next."""
        return self._starts_at + self._throughput.expected_s(self._tokens + ticket.waiting_tokens)

    def room_tokens(self, ticket: Ticket) -> int:
        """Tokens of a ticket that may join."""
        if self._is_closed:
            return 0
        room_tokens = self._limit_tokens - self._tokens
        if ticket.is_trial and self.is_empty:
            return min(room_tokens, self._tokens_within(trial_s(ticket.deadline - self._starts_at)))
        if ticket.next_pair_tokens <= room_tokens:
            left_s = self._ends_by - self._throughput.doubt_s - self._starts_at
            room_tokens = min(room_tokens, self._tokens_within(left_s) - self._tokens)
            self._is_closed = ticket.next_pair_tokens > room_tokens
        return room_tokens

    def add(self, slice_: TicketSlice) -> None:
        """Let a slice join."""
        self._added.append(slice_)
        self._tokens += slice_.tokens
        self._ends_by = min(self._ends_by, slice_.ends_by)
        self._is_closed = slice_.ticket.is_trial or slice_.ticket.is_apart

    def plan(self) -> Plan | None:
        """The batch as it is now; the same object where nothing has changed."""
        plan = self._plan
        if self._added:
            plan = Plan.of(self._added, self._limit_tokens) if plan is None else plan.joined_by(self._added)
        if plan is not None and self._is_closed and not plan.is_closed:
            plan = replace(plan, is_closed=True)
        return plan

    def _tokens_within(self, seconds: float) -> int:
        return int(min(max(0.0, seconds) * self._throughput.tokens_per_second, self._limit_tokens))
