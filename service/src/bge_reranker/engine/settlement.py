"""Handing what the scorer gave, or why it gave nothing, to the tickets of a batch; and who has ended by it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..errors import RerankerError
from .plan import Plan
from .ticket import Ticket
from .trail import BatchShare


class Settlement:
    """Settles batches, and keeps the tickets that have ended until somebody delivers their outcomes."""

    def __init__(self) -> None:
        self._ended: list[Ticket] = []

    @property
    def has_ended(self) -> bool:
        """Whether somebody must deliver outcomes."""
        return bool(self._ended)

    def pop_ended(self) -> list[Ticket]:
        """Hand over the tickets that ended since the last call, each exactly once."""
        ended, self._ended = self._ended, []
        return ended

    def note_end(self, ticket: Ticket) -> None:
        """Have the outcome of a ticket delivered, if it has ended."""
        if ticket.has_ended:
            self._ended.append(ticket)

    def score(
        self,
        plan: Plan,
        logits: NDArray[np.float32],
        began: float,
        compute_s: float,
        errors: Mapping[int, RerankerError],
    ) -> None:
        """Give each ticket its logits and errors; whoever has ended meanwhile gets nothing.

        Args:
            plan: The batch, N pairs.
            logits: float32 (N,): without meaning where there is an error.
            began: When it began to be computed.
            compute_s: Seconds that the scorer took.
            errors: The pairs to blame, by index in the batch.
        """
        start, batch_pairs = 0, sum(len(slice_.pairs) for slice_ in plan.slices)
        for slice_ in plan.slices:
            stop = start + len(slice_.pairs)
            if not slice_.ticket.has_ended:
                slice_.ticket.note_batch(BatchShare(began, compute_s, plan.tokens, batch_pairs, stop - start))
                own = {index - start: error for index, error in errors.items() if start <= index < stop}
                slice_.ticket.settle(slice_, logits[start:stop], compute_s * slice_.tokens / plan.tokens, own)
                self.note_end(slice_.ticket)
            start = stop

    def fail(self, plan: Plan, error: RerankerError) -> None:
        """End every pair of a batch with an error."""
        for slice_ in plan.slices:
            if not slice_.ticket.has_ended:
                slice_.ticket.fail(slice_, error)
                self.note_end(slice_.ticket)
