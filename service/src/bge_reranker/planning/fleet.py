"""Thousands of replicas, of which some are always missing: nodes fail, and versions are rolled out.

Not every replica is simulated. Where chance divides independent requests among replicas, each sees a stream like all
others, so one stands for all; and nodes fail and come back in minutes while requests take seconds at most, so that the
latency at any time is that of the replicas which are there then. What is simulated is one replica under some loads;
how long how many are there follows from the rates of failures (nodes fail independently: their number is Poisson's).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, lgamma, log
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import SettingsError
from .capacity import ReplicaCapacity
from .sizing import MOST_REPLICAS, Demand, Step, run, size

_YEAR_S: Final = 365 * 86_400
_WEEK_S: Final = 7 * 86_400
_LOADS: Final = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05)
"""Loads of one replica that are simulated, as parts of its capacity."""

_QUANTILES: Final = np.linspace(0.0, 1.0, 201)
_RARE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Fleet:
    """How replicas come and go.

    Attributes:
        node_replicas: Replicas on a node, which fail together.
        node_failures: Of one node in a year.
        detect_s: Seconds for which requests still go to a node that has failed.
        recover_s: Seconds from then until its replicas are ready elsewhere.
        rollouts: In a week.
        start_s: Seconds from the start of a replica until it is ready.
        together: Replicas that a rollout replaces at a time.
        rollout: With as many further replicas meanwhile, or with as many fewer.
        zones: Zones, one of which may be lost; 1: that is not planned for.
        share: Part of the time for which the objective is to be kept.
    """

    node_replicas: int = 8
    node_failures: float = 4.0
    detect_s: float = 45.0
    recover_s: float = 300.0
    rollouts: float = 1.0
    start_s: float = 60.0
    together: int = 1
    rollout: Literal["surge", "in-place"] = "surge"
    zones: int = 1
    share: float = 0.999


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What a fleet needs, and what is to be expected of it.

    Attributes:
        calm_replicas: That keep the objective while all are there.
        replicas: That keep it for the wanted share of the time.
        zone_replicas: That keep it also without one zone; None where that is not asked.
        nodes: Of the replicas that are recommended.
        missing: Replicas that are missing on average.
        share: Part of the time for which the objective is kept.
        percentiles_ms: p50, p95 and p99 over all times.
        lost_share: Part of the requests that are sent to failed nodes, and have to be sent again.
        failures_per_week: Of nodes.
        rollout_s: Seconds of one rollout.
        surge_replicas: Further replicas while one is rolled out.
    """

    calm_replicas: int
    replicas: int
    zone_replicas: int | None
    nodes: int
    missing: float
    share: float
    percentiles_ms: tuple[float, float, float]
    lost_share: float
    failures_per_week: float
    rollout_s: float
    surge_replicas: int


class LatencyCurve:
    """The latency of one replica by its load, from simulations of some loads.

    Args:
        demand: What is asked.
        capacity: Of the replica.
        on_step: Told what is simulated.
    """

    def __init__(self, demand: Demand, capacity: ReplicaCapacity, on_step: Step) -> None:
        full = capacity.tokens_per_second / demand.sizes.mean_tokens()
        self.rates = np.array(_LOADS) * full
        rows = []
        for load, rate in zip(_LOADS, self.rates, strict=True):
            on_step(f"one replica at {load:.0%} of its capacity")
            served = run(replace(demand, rate=float(rate), balancer="connections"), capacity, 1)
            rows.append(np.quantile(served.latencies_s, _QUANTILES) if served.latencies_s else np.full(201, np.inf))
        self._rows: NDArray[np.float64] = np.array(rows)

    def quantiles_s(self, rate: float) -> NDArray[np.float64]:
        """Latencies in seconds at 201 quantiles, by requests per second of a replica; infinite beyond its capacity."""
        if rate > self.rates[-1]:
            return np.full(len(_QUANTILES), np.inf)
        place = int(np.clip(np.searchsorted(self.rates, rate), 1, len(self.rates) - 1))
        low, high = self.rates[place - 1 : place + 1]
        part = float(np.clip((rate - low) / (high - low), 0.0, 1.0))
        # Latencies grow like one over what is left of the capacity: their logarithms are nearer to straight lines.
        lower, upper = np.log(self._rows[place - 1]), np.log(self._rows[place])
        return np.asarray(np.exp(lower + part * (upper - lower)), dtype=np.float64)

    def mixed_ms(self, states: Sequence[tuple[float, float]], percents: Sequence[float]) -> list[float]:
        """Percentiles of requests that meet one of several loads.

        Args:
            states: Part of the time, and requests per second of one replica.
            percents: Which percentiles.
        """
        latencies = np.concatenate([self.quantiles_s(rate) for _, rate in states])
        weights = np.concatenate([np.full(len(_QUANTILES), part) for part, _ in states])
        order = np.argsort(latencies)
        shares = np.cumsum(weights[order]) / weights.sum()
        places = np.minimum(np.searchsorted(shares, np.array(percents) / 100), len(order) - 1)
        return [float(latencies[order][place]) * 1000 for place in places]


def plan_fleet(demand: Demand, capacity: ReplicaCapacity, fleet: Fleet, on_step: Step) -> FleetPlan:
    """Find how many replicas keep an objective although some are always missing.

    Args:
        demand: The load and the objective.
        capacity: Of each replica.
        fleet: How they come and go.
        on_step: Told what is simulated.

    Raises:
        SettingsError: If the objective cannot be kept, or takes too many.
    """
    calm = size(demand, capacity, on_step).replicas
    curve = LatencyCurve(demand, capacity, on_step)
    replicas = calm
    while _kept_share(demand, curve, fleet, replicas) < fleet.share:
        replicas += max(1, replicas // 400)
        if replicas > MOST_REPLICAS:
            raise SettingsError(
                f"More than {MOST_REPLICAS} replicas would be needed to keep the objective {fleet.share:.4%} of time.",
                remedy="Ask for less of the time, or give more time to requests.",
            )
    zone = None
    if fleet.zones > 1:
        zone = max(replicas, ceil(replicas * fleet.zones / (fleet.zones - 1)))
    return _about(demand, curve, fleet, (calm, replicas, zone))


def states_of(fleet: Fleet, replicas: int) -> Iterator[tuple[float, int]]:
    """Parts of the time, and how many replicas are there."""
    nodes = ceil(replicas / fleet.node_replicas)
    mean = nodes * fleet.node_failures / _YEAR_S * (fleet.detect_s + fleet.recover_s)
    rolling = min(1.0, fleet.rollouts * rollout_s(fleet, replicas) / _WEEK_S) if fleet.rollout == "in-place" else 0.0
    for failed in range(nodes + 1):
        part = exp(failed * log(mean) - mean - lgamma(failed + 1)) if mean else float(failed == 0)
        if part < _RARE and failed > mean:
            return
        there = max(0, replicas - failed * fleet.node_replicas)
        for its_part, missing in ((1 - rolling, 0), (rolling, fleet.together)):
            if part * its_part:
                yield part * its_part, max(0, there - missing)


def rollout_s(fleet: Fleet, replicas: int) -> float:
    """Seconds that one rollout takes."""
    return ceil(replicas / fleet.together) * fleet.start_s


def _kept_share(demand: Demand, curve: LatencyCurve, fleet: Fleet, replicas: int) -> float:
    limit_ms = demand.p95_ms or float("inf")
    kept = 0.0
    for part, there in states_of(fleet, replicas):
        # Without an objective, replicas are to keep up.
        rate = demand.rate / there if there else float("inf")
        p95_ms = curve.mixed_ms([(1.0, rate)], [95])[0]
        kept += part * (p95_ms <= limit_ms and rate <= curve.rates[-2])
    return kept


def _about(demand: Demand, curve: LatencyCurve, fleet: Fleet, found: tuple[int, int, int | None]) -> FleetPlan:
    calm, enough, zone = found
    replicas = zone or enough
    states = list(states_of(fleet, replicas))
    loads = [(part, demand.rate / there if there else float("inf")) for part, there in states]
    p50, p95, p99 = curve.mixed_ms(loads, (50, 95, 99))
    nodes = ceil(replicas / fleet.node_replicas)
    return FleetPlan(
        calm_replicas=calm,
        replicas=enough,
        zone_replicas=zone,
        nodes=nodes,
        missing=replicas - sum(part * there for part, there in states),
        share=_kept_share(demand, curve, fleet, replicas),
        percentiles_ms=(p50, p95, p99),
        lost_share=fleet.node_failures * fleet.detect_s / _YEAR_S,
        failures_per_week=nodes * fleet.node_failures * _WEEK_S / _YEAR_S,
        rollout_s=rollout_s(fleet, replicas),
        surge_replicas=fleet.together if fleet.rollout == "surge" else 0,
    )
