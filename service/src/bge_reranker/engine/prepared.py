"""The batch that comes next: taken from the queue while another one runs, packed, and given back where it must be."""

from __future__ import annotations

from dataclasses import replace

from .batch import Batch
from .plan import Plan
from .token_queue import TokenBudgetQueue

_LEAST_AHEAD = 1 / 2
"""Part of a full batch from which on one is launched behind the one that runs. A smaller one waits for that to end:
more may join it, and somebody urgent may still come before it."""


class PreparedBatch:
    """At most one plan, without the pairs of tickets that have ended.

    Args:
        queue: Where its pairs come from.
    """

    def __init__(self, queue: TokenBudgetQueue) -> None:
        self._queue = queue
        self._plan: Plan | None = None
        self._may_hold_ended = False

    @property
    def plan(self) -> Plan | None:
        """The batch as it is now; pairs of ended tickets count and cost nothing."""
        if self._may_hold_ended and self._plan is not None:
            self._plan = self._plan.without_ended()
        self._may_hold_ended = False
        return self._plan

    @plan.setter
    def plan(self, plan: Plan | None) -> None:
        self._plan = plan

    @property
    def tokens(self) -> int:
        """Tokens in it; 0 without one."""
        plan = self.plan
        return plan.tokens if plan is not None else 0

    @property
    def is_overtaken(self) -> bool:
        """Whether a ticket waits that comes before one in it."""
        plan = self.plan
        return plan is not None and self._queue.overtakes(plan)

    @property
    def is_settled(self) -> bool:
        """Whether it is packed and nobody comes before it, so that it can start as it is."""
        plan = self.plan
        return plan is not None and plan.batch is not None and not self.is_overtaken

    def can_change(self) -> bool:
        """Whether it can be taken, filled up or packed."""
        plan = self.plan
        if plan is None:
            return self._queue.waiting_tokens > 0
        return not self.is_settled or self._queue.has_next_within(plan.room_tokens)

    def is_worth_launching(self, limit_tokens: int) -> bool:
        """Whether it is large, or nothing of what waits may join it.

        Args:
            limit_tokens: Of a full batch.
        """
        plan = self.plan
        if plan is None:
            return False
        has_behind = self._queue.waiting_tokens > 0
        is_closed = has_behind and not self._queue.has_next_within(plan.room_tokens)
        return is_closed or plan.tokens >= _LEAST_AHEAD * limit_tokens

    def note_end(self) -> None:
        """Note that a ticket has ended, which may have pairs in it."""
        self._may_hold_ended = True

    def attach(self, plan: Plan, batch: Batch) -> None:
        """Keep the packed batch of a plan, unless the plan has changed or begun since."""
        if self._plan is plan:
            self._plan = replace(plan, batch=batch)

    def pop(self) -> Plan | None:
        """Hand it over to whoever starts it."""
        plan, self._plan = self.plan, None
        return plan

    def give_back(self) -> None:
        """Let its pairs wait again."""
        plan = self.pop()
        self._queue.give_back(plan.slices if plan is not None else ())
