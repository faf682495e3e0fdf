"""One replica in virtual time: the engine's dispatcher, and a scorer that only takes as long as a real one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np

from ..engine.batch import Batch, Pair
from ..engine.budget import TokenBudget
from ..engine.dispatcher import Dispatcher
from ..engine.plan import Plan
from ..engine.reservations import Asked
from ..engine.throughput import Throughput
from ..engine.ticket import Outcome, Ticket
from ..settings import EngineSettings
from .calendar import Calendar

MEASURED_BEFORE_S = 30.0
"""Seconds of computing that the first estimate of the rate stands for, as after some time of service."""

_PACKED = Batch(np.zeros(1, np.int32), np.zeros(1, np.int8), np.array([0, 1], dtype=np.int32), 1)
"""Stands for every packed batch: nobody reads it."""


class Replica:
    """Does what the engine's two threads do, each step in no time but for the batches.

    Args:
        calendar: Time.
        settings: Of the engine.
        tokens_per_second: What the engine expects at first.
        batch_s: Seconds that a batch takes which begins now.
        source: Of the jitter in Retry-After.
        on_batch: Called with each batch when it has been computed, before its tickets end.
    """

    def __init__(
        self,
        calendar: Calendar,
        settings: EngineSettings,
        tokens_per_second: float,
        batch_s: Callable[[Plan], float],
        source: random.Random,
        on_batch: Callable[[Plan], None] = lambda _: None,
    ) -> None:
        self._calendar = calendar
        self._batch_s = batch_s
        self._on_batch = on_batch
        self._dispatcher = Dispatcher(settings, source)
        throughput = Throughput()
        throughput.restart(max(1, int(MEASURED_BEFORE_S * tokens_per_second)), MEASURED_BEFORE_S)
        self._dispatcher.serve(TokenBudget(settings.max_batch_tokens), throughput)
        self.busy_s = 0.0
        """Seconds of computing so far."""
        self._logits = np.zeros(1, dtype=np.float32)

    @property
    def backlog_tokens(self) -> int:
        """Tokens reserved, waiting and in flight."""
        return self._dispatcher.backlog_tokens

    def ask(self, asked: Asked, pairs: Sequence[Pair], on_done: Callable[[Outcome], None]) -> None:
        """Ask now for pairs to be scored.

        Args:
            asked: The request.
            pairs: Its pairs.
            on_done: Called with what became of them.

        Raises:
            CapacityError: If the engine refuses it.
        """
        now = self._calendar.now
        grant = self._dispatcher.reserve(asked, now)
        ticket = Ticket(
            pairs,
            asked.deadline,
            on_done,
            now,
            lane=grant.lane,
            is_trial=grant.is_trial,
            is_partial=asked.is_partial,
        )
        self._dispatcher.submit(ticket, grant)
        self._go_on()

    def _go_on(self) -> None:
        """What the worker and the preparer do when something has changed."""
        now = self._calendar.now
        if self._dispatcher.can_begin() and (plan := self._dispatcher.begin(now)) is not None:
            self._calendar.at(now + self._batch_s(plan), lambda: self._finish(plan, now))
        prepared = self._dispatcher.prepare(now)
        if prepared is not None:
            self._dispatcher.attach(prepared, _PACKED)
        for ticket in self._dispatcher.pop_ended():
            ticket.on_done(ticket.outcome())

    def _finish(self, plan: Plan, began: float) -> None:
        now = self._calendar.now
        self._dispatcher.sweep(now)
        self._on_batch(plan)
        self.busy_s += now - began
        pairs = sum(len(slice_.pairs) for slice_ in plan.slices)
        if len(self._logits) < pairs:
            self._logits = np.zeros(2 * pairs, dtype=np.float32)
        self._dispatcher.finish(self._logits[:pairs], now - began)
        self._go_on()
