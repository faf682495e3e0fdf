"""The backlog in seconds is the time to drain, also when the true rate is no longer what it was."""

from __future__ import annotations

import heapq
import math
import random

import numpy as np
import pytest

from bge_reranker.engine.batch import Batch, Pair
from bge_reranker.engine.budget import TokenBudget
from bge_reranker.engine.dispatcher import Dispatcher
from bge_reranker.engine.plan import Plan
from bge_reranker.engine.reservations import Asked
from bge_reranker.engine.throughput import Throughput
from bge_reranker.settings import EngineSettings

from .fakes import make_ticket

RATE = 20_000.0
"""Tokens a second before the change."""

SETTLED_S = 40.0
"""Seconds at the first rate."""

KNOWN_WITHIN_S = 30.0
"""Seconds within which the backlog has to be right again."""

TOLERANCE = 0.25

_PAIR = Pair(np.full(64, 7, dtype=np.int32), np.zeros(64, dtype=np.int8))
_PACKED = Batch(_PAIR.tokens, _PAIR.types, np.array([0, 64], dtype=np.int32), 64)
_LOGITS = np.zeros(100_000, dtype=np.float32)


class Replica:
    """A dispatcher under steady load whose scorer changes its rate; time is simulated.

    Args:
        factor: Rate after the change over that before.
        load: Tokens that arrive over those that are computed at the first rate.
        estimate: Tokens that are reserved for each true one.
        overhead_s: Seconds between a batch and the next, which the scorer does not take.
    """

    def __init__(self, factor: float, load: float, estimate: float, overhead_s: float) -> None:
        self._factor, self._load, self._estimate, self._overhead_s = factor, load, estimate, overhead_s
        self._random = random.Random(1)
        self._dispatcher = Dispatcher(EngineSettings(max_queue_tokens=10**9, deadline_s=3_600), self._random)
        throughput = Throughput()
        throughput.record(int(RATE), 1.0, int(RATE))
        self._dispatcher.serve(TokenBudget(EngineSettings().max_batch_tokens), throughput)
        self._ends: list[tuple[float, int, Plan]] = []
        self._began = 0
        self.now = 0.0

    def run_until(self, end: float) -> None:
        """Let requests come and be computed."""
        while self.now < end:
            documents = self._random.randint(1, 80)
            self._ask(documents)
            self._advance(self.now + self._random.expovariate(self._load * RATE / (40.5 * len(_PAIR))))

    def backlog_s(self) -> float:
        return self._dispatcher.backlog_s(self.now)

    def drain(self) -> float:
        """Let nothing come any more; returns the seconds until the last pair is computed."""
        began = self.now
        while self._dispatcher.backlog_tokens:
            self._advance(self._ends[0][0])
        return self.now - began

    def _ask(self, documents: int) -> None:
        tokens, deadline = documents * len(_PAIR), self.now + 3_600
        reserved = int(tokens * self._estimate)
        grant = self._dispatcher.reserve(Asked(reserved, deadline), self.now)
        ticket = make_ticket([_PAIR] * documents, lambda _: None, self.now, grant, deadline=deadline)
        self._dispatcher.submit(ticket, grant)
        self._go_on()

    def _advance(self, end: float) -> None:
        while self._ends and self._ends[0][0] <= end:
            self.now, _, plan = heapq.heappop(self._ends)
            self._dispatcher.finish(_LOGITS[: len(plan.pairs)], self._compute_s())
            self._dispatcher.pop_ended()
            self._go_on()
        self.now = end

    def _go_on(self) -> None:
        if self._dispatcher.can_begin() and (plan := self._dispatcher.begin(self.now)) is not None:
            self._began += 1
            self._since = self.now
            heapq.heappush(self._ends, (self.now + self._seconds(plan), self._began, plan))
        if (prepared := self._dispatcher.prepare(self.now)) is not None:
            self._dispatcher.attach(prepared, _PACKED)

    def _seconds(self, plan: Plan) -> float:
        rate = RATE * (self._factor if self.now >= SETTLED_S else 1.0)
        return plan.tokens / rate * math.exp(self._random.gauss(0, 0.1)) + self._overhead_s

    def _compute_s(self) -> float:
        return self.now - self._since - self._overhead_s


CASES = [
    (0.5, 0.6, 1.0, 0.0),
    (1.0, 1.1, 1.0, 0.0),
    (2.0, 2.1, 1.0, 0.0),
    (0.5, 0.7, 2.0, 0.01),
    (2.0, 2.2, 0.5, 0.01),
]
"""New rate over the old, load over the old rate, reserved tokens for each true one, seconds lost beside each batch."""


@pytest.mark.parametrize(("factor", "load", "estimate", "overhead_s"), CASES)
def test_the_backlog_is_the_time_to_drain_soon_after_the_rate_has_changed(
    factor: float, load: float, estimate: float, overhead_s: float
) -> None:
    replica = Replica(factor, load, estimate, overhead_s)
    replica.run_until(SETTLED_S + KNOWN_WITHIN_S)
    predicted_s = replica.backlog_s()
    measured_s = replica.drain()
    assert measured_s > 2
    assert predicted_s == pytest.approx(measured_s, rel=TOLERANCE)
