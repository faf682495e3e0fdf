"""What one replica can be expected to do for the load that its settings name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..settings import PlanSettings
from .capacity import ReplicaCapacity
from .sizes import RequestSizes
from .sizing import Demand, run, sustainable_rate

_REQUESTS = 500
"""Simulated in each run: a few seconds for all of them, before a server is ready."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What to expect.

    Attributes:
        documents: Of a request.
        pair_tokens: Of each pair.
        p95_objective_ms: That is kept.
        requests_per_second: With which it is kept; 0 where a request alone takes longer.
        p50_ms: At that rate; of a request alone where it is 0.
        p95_ms: The same.
        p99_ms: The same.
    """

    documents: int
    pair_tokens: int
    p95_objective_ms: float
    requests_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def expected_of(settings: PlanSettings, capacity: ReplicaCapacity) -> Expectation | None:
    """Simulate one replica under the load that is planned for; None where none is.

    Args:
        settings: Which.
        capacity: Of the replica.
    """
    if settings.plan_p95_ms is None:
        return None
    tokens = min(settings.plan_tokens, capacity.max_pair_tokens)
    sizes = RequestSizes(lambda _: [tokens] * settings.plan_documents)
    demand = Demand(1.0, sizes, settings.plan_p95_ms, requests=_REQUESTS)
    rate = sustainable_rate(demand, capacity, lambda _: None)
    # A request that cannot be answered by its deadline has no latency.
    longest_ms = 1000 * capacity.engine.deadline_s
    rare = 0.01 * capacity.tokens_per_second / (tokens * settings.plan_documents)
    served = run(replace(demand, rate=rate or rare), capacity, 1)
    return Expectation(
        settings.plan_documents,
        tokens,
        settings.plan_p95_ms,
        round(rate, 3),
        *(round(min(served.percentile_ms(percent), longest_ms), 3) for percent in (50, 95, 99)),
    )
