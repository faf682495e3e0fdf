"""How many replicas, and what that depends on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bge_reranker.errors import SettingsError
from bge_reranker.planning.capacity import ReplicaCapacity
from bge_reranker.planning.fleet import Fleet, LatencyCurve, plan_fleet, states_of
from bge_reranker.planning.simulation import Setup, poisson, serve
from bge_reranker.planning.sizes import RequestSizes, Sizes
from bge_reranker.planning.sizing import Demand, drivers, keeps, run, size, sustainable_rate

CAPACITY = ReplicaCapacity(100_000.0, batch_s=0.002, request_s=0.002)
SIZES = RequestSizes.of(Sizes.parse("10", ""), Sizes.parse("100", ""))
DEMAND = Demand(300.0, SIZES, p95_ms=40.0, requests=400)


def silent(_: str) -> None:
    pass


def test_the_number_found_keeps_the_objective_and_one_less_does_not() -> None:
    found = size(DEMAND, CAPACITY, silent)
    assert keeps(found.served, DEMAND)
    assert not keeps(run(DEMAND, CAPACITY, found.replicas - 1), DEMAND)


def test_without_an_objective_as_many_are_found_as_answer() -> None:
    found = size(replace(DEMAND, p95_ms=None), CAPACITY, silent)
    assert 3 <= found.replicas < size(DEMAND, CAPACITY, silent).replicas


def test_an_objective_below_one_request_alone_is_refused_with_both_figures() -> None:
    with pytest.raises(SettingsError, match=r"--p95-ms 5 .* alone takes 1\d ms"):
        size(replace(DEMAND, p95_ms=5.0), CAPACITY, silent)


def test_too_many_replicas_are_not_compared_with_each_other() -> None:
    with pytest.raises(SettingsError, match="--balancer backlog"):
        run(replace(DEMAND, balancer="backlog"), CAPACITY, 1_000)


def test_what_the_number_depends_on_is_found_by_changing_it() -> None:
    name, replicas = next(drivers(DEMAND, CAPACITY, silent))
    assert name == "half as many documents"
    assert replicas is not None
    assert replicas < size(DEMAND, CAPACITY, silent).replicas


def test_the_rate_that_one_replica_sustains_keeps_the_objective() -> None:
    rate = sustainable_rate(DEMAND, CAPACITY, silent)
    assert 0 < rate < 100
    assert keeps(run(replace(DEMAND, rate=rate), CAPACITY, 1), DEMAND)
    assert sustainable_rate(replace(DEMAND, p95_ms=5.0), CAPACITY, silent) == 0


def test_a_mixture_of_states_is_what_a_fleet_that_loses_replicas_shows() -> None:
    # A quarter of the time 4 of 16 replicas are missing; all of them simulated together, and as the fleet is planned.
    rate, requests = 16 * 60.0, 6_000
    length_s = requests / rate
    direct = serve(
        Setup(CAPACITY, 16),
        poisson(SIZES, rate, requests, 1),
        settling=0.0,
        changes=[(0.75 * length_s, 12)],
    )
    curve = LatencyCurve(replace(DEMAND, rate=rate), CAPACITY, silent)
    mixed = curve.mixed_ms([(0.75, rate / 16), (0.25, rate / 12)], (50, 95))
    assert mixed[0] == pytest.approx(direct.percentile_ms(50), rel=0.15)
    assert mixed[1] == pytest.approx(direct.percentile_ms(95), rel=0.25)


def test_the_states_of_a_fleet_are_all_of_the_time() -> None:
    fleet = Fleet(node_failures=50, recover_s=3_600, rollout="in-place", together=5)
    states = list(states_of(fleet, 1_000))
    assert sum(part for part, _ in states) == pytest.approx(1.0, abs=1e-6)
    # 125 nodes that fail 50 times a year, for 3,645 s, with 8 replicas each; and 5 missing while a rollout runs.
    rolling = 1_000 / 5 * 60 / (7 * 86_400)
    missing = sum(part * (1_000 - there) for part, there in states)
    assert missing == pytest.approx(125 * 50 / (365 * 86_400) * 3_645 * 8 + 5 * rolling, rel=0.01)


def test_thousands_of_replicas_are_planned_with_those_that_are_missing() -> None:
    demand = replace(DEMAND, rate=200_000.0, requests=300)
    found = plan_fleet(demand, CAPACITY, Fleet(zones=3), silent)
    assert found.calm_replicas > 2_000
    assert found.calm_replicas <= found.replicas
    assert found.zone_replicas == pytest.approx(1.5 * found.replicas, abs=1)
    assert found.share >= 0.999
    assert found.lost_share == pytest.approx(4 * 45 / (365 * 86_400))
