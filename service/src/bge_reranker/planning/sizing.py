"""How many replicas keep an objective, and what that number depends on most."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from ..errors import SettingsError
from .balancing import Balancer
from .capacity import ReplicaCapacity
from .simulation import Served, Setup, one_of, poisson, serve
from .sizes import RequestSizes

ANSWERED_SHARE: Final = 0.999
"""Part of the requests that must be answered."""

_LEAST_REQUESTS: Final = 1_000
"""Least that a percentile is taken of."""

MOST_REPLICAS: Final = 100_000
MOST_TOGETHER: Final = 256
"""Most replicas that are simulated together, as a balancer which compares them needs."""

Step = Callable[[str], None]
"""Told before each simulation what it is about."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What is wanted.

    Attributes:
        rate: Requests per second.
        sizes: Of the requests.
        p95_ms: Objective of the 95th percentile; None: none.
        balancer: How requests find a replica.
        requests: Simulated in each run.
        seed: Of chance.
    """

    rate: float
    sizes: RequestSizes
    p95_ms: float | None
    balancer: Balancer = "connections"
    requests: int = 4_000
    seed: int = 1

    @property
    def tokens_per_second(self) -> float:
        """Tokens that arrive."""
        return self.rate * self.sizes.mean_tokens()


@dataclass(frozen=True, slots=True)
class Sized:
    """A number of replicas, and what it gives.

    Attributes:
        replicas: How many.
        served: What became of the simulated requests.
    """

    replicas: int
    served: Served


def run(demand: Demand, capacity: ReplicaCapacity, replicas: int) -> Served:
    """Simulate a number of replicas.

    Args:
        demand: The load.
        capacity: Of each replica.
        replicas: How many.

    Raises:
        SettingsError: If a balancer would have to compare too many.
    """
    setup = Setup(capacity, replicas, demand.balancer, seed=demand.seed)
    if demand.balancer == "connections":
        # Chance divides independent arrivals into independent ones: one replica is as all.
        rate = demand.rate / replicas
        return serve(one_of(setup), poisson(demand.sizes, rate, demand.requests, demand.seed))
    if replicas > MOST_TOGETHER:
        raise SettingsError(
            f"--balancer {demand.balancer} would simulate {replicas} replicas together; {MOST_TOGETHER} are the most.",
            remedy="Plan for a part of the load, or with --balancer connections, of whose replicas one is like all.",
        )
    # Each replica gets enough to settle.
    requests = max(demand.requests, 40 * replicas)
    return serve(setup, poisson(demand.sizes, demand.rate, requests, demand.seed))


def size(demand: Demand, capacity: ReplicaCapacity, on_step: Step) -> Sized:
    """Find the least number of replicas that keeps the objective.

    Args:
        demand: The load and the objective.
        capacity: Of each replica.
        on_step: Told what is simulated.

    Raises:
        SettingsError: If requests take too long even alone, or too many replicas are needed.
    """
    least = ceil(demand.tokens_per_second / capacity.tokens_per_second) or 1
    _refuse_unreachable(demand, capacity, on_step)
    low, high = least - 1, least
    found = _measured(demand, capacity, high, on_step)
    while not keeps(found.served, demand):
        low, high = high, ceil(high * 1.5)
        if high > MOST_REPLICAS:
            raise SettingsError(
                f"More than {MOST_REPLICAS} replicas would be needed.", remedy="Ask for less, or give more time."
            )
        found = _measured(demand, capacity, high, on_step)
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        tried = _measured(demand, capacity, middle, on_step)
        if keeps(tried.served, demand):
            high, found = middle, tried
        else:
            low = middle
    return found


def keeps(served: Served, demand: Demand) -> bool:
    """Whether what was simulated keeps the objective."""
    is_fast = demand.p95_ms is None or served.percentile_ms(95) <= demand.p95_ms
    return is_fast and served.answered_share >= ANSWERED_SHARE


def sustainable_rate(demand: Demand, capacity: ReplicaCapacity, on_step: Step) -> float:
    """Requests per second that one replica keeps the objective with; 0 where it never does.

    Args:
        demand: Sizes and objective.
        capacity: Of the replica.
        on_step: Told what is simulated.
    """
    low, high = 0.0, capacity.tokens_per_second / demand.sizes.mean_tokens()
    for _ in range(7):
        middle = (low + high) / 2
        on_step(f"{middle:.3g} requests/s on one replica")
        if keeps(run(replace(demand, rate=middle), capacity, 1), demand):
            low = middle
        else:
            high = middle
    return low


def drivers(demand: Demand, capacity: ReplicaCapacity, on_step: Step) -> Iterator[tuple[str, int | None]]:
    """What the number of replicas depends on: each change, and the number with it; None where none suffices.

    Args:
        demand: The load and the objective.
        capacity: Of each replica.
        on_step: Told what is simulated.
    """
    faster = replace(capacity, tokens_per_second=2 * capacity.tokens_per_second, batch_s=capacity.batch_s / 2)
    batch_ms = 1000 * capacity.full_batch_tokens / capacity.tokens_per_second / 2
    shorter = replace(capacity, engine=capacity.engine.model_copy(update={"max_batch_ms": batch_ms}))
    demand = replace(demand, requests=max(_LEAST_REQUESTS, demand.requests // 3))
    sizes, p95_ms = demand.sizes, demand.p95_ms
    changes = [
        ("half as many documents", replace(demand, sizes=sizes.scaled(documents=0.5)), capacity),
        ("pairs of half the tokens", replace(demand, sizes=sizes.scaled(tokens=0.5)), capacity),
        ("twice the tokens/s (precision, device)", demand, faster),
        (f"batches of {batch_ms:.0f} ms (maxBatchMs)", demand, shorter),
    ]
    if p95_ms is not None:
        changes.append((f"p95 of {2 * p95_ms:g} ms", replace(demand, p95_ms=2 * p95_ms), capacity))
    if demand.balancer == "connections" and demand.tokens_per_second < 32 * capacity.tokens_per_second:
        changes.append(("a balancer that knows the backlog", replace(demand, balancer="backlog"), capacity))
    for name, changed, its_capacity in changes:
        try:
            yield name, size(changed, its_capacity, on_step).replicas
        except SettingsError:
            yield name, None


def _measured(demand: Demand, capacity: ReplicaCapacity, replicas: int, on_step: Step) -> Sized:
    on_step(f"{replicas} replicas")
    return Sized(replicas, run(demand, capacity, replicas))


def _refuse_unreachable(demand: Demand, capacity: ReplicaCapacity, on_step: Step) -> None:
    if demand.p95_ms is None:
        return
    on_step("requests alone")
    rare = replace(demand, rate=0.01 * capacity.tokens_per_second / demand.sizes.mean_tokens(), balancer="connections")
    alone_ms = run(replace(rare, requests=min(demand.requests, 1_000)), capacity, 1).percentile_ms(95)
    if alone_ms > demand.p95_ms:
        raise SettingsError(
            f"--p95-ms {demand.p95_ms:g} is kept by no number of replicas: a request alone takes {alone_ms:.0f} ms "
            "(p95).",
            remedy="Send fewer or shorter documents, allow more time, or use a faster device or precision.",
        )
