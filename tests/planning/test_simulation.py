"""Requests, balancers and replicas together."""

from __future__ import annotations

import pytest

from bge_reranker.planning.balancing import Balancer
from bge_reranker.planning.capacity import ReplicaCapacity
from bge_reranker.planning.simulation import Arrival, Setup, one_of, poisson, serve, serve_clients
from bge_reranker.planning.sizes import RequestSizes, Sizes
from bge_reranker.settings import EngineSettings

PAIRS_ALONE = EngineSettings(max_batch_tokens=100)
"""Batches that hold one pair of 100 tokens: a queue whose theory is known."""

CAPACITY = ReplicaCapacity(1_000.0, engine=PAIRS_ALONE)
ONE_PAIR = RequestSizes.of(Sizes.parse("1", ""), Sizes.parse("100", ""))


def test_the_mean_wait_of_single_pairs_is_that_of_the_theory_of_queues() -> None:
    load, service_s = 0.7, 0.1
    served = serve(Setup(CAPACITY), poisson(ONE_PAIR, load / service_s, 8_000, 3))
    mean_s = sum(served.latencies_s) / len(served.latencies_s)
    # Pollaczek and Khinchine, constant service times.
    assert mean_s == pytest.approx(service_s * (1 + load / (2 * (1 - load))), rel=0.1)
    assert served.busy == pytest.approx(load, rel=0.07)


def test_clients_that_wait_keep_a_replica_busy_and_share_it() -> None:
    served = serve_clients(Setup(CAPACITY), ONE_PAIR, clients=4, requests=400)
    assert served.tokens / served.seconds == pytest.approx(1_000, rel=0.02)
    assert served.percentile_ms(50) == pytest.approx(400)


def test_one_replica_behind_connections_is_as_all_are() -> None:
    many = Setup(CAPACITY, 4)
    together = serve(many, poisson(ONE_PAIR, 4 * 6, 4_000, 5))
    alone = serve(one_of(many), poisson(ONE_PAIR, 6, 2_000, 6))
    assert alone.percentile_ms(95) == pytest.approx(together.percentile_ms(95), rel=0.2)


@pytest.mark.parametrize("balancer", ["round-robin", "backlog"])
def test_a_balancer_beats_connections_that_are_dealt_out(balancer: Balancer) -> None:
    p95s = [
        serve(Setup(CAPACITY, 4, each), poisson(ONE_PAIR, 32, 2_000, 1)).percentile_ms(95)
        for each in (balancer, "connections")
    ]
    assert p95s[0] < 0.7 * p95s[1]


def test_a_request_that_is_divided_ends_with_its_last_part() -> None:
    setup = Setup(CAPACITY, 4, spread_documents=1)
    served = serve(setup, [Arrival(0.0, [100] * 8), Arrival(10.0, [100])], settling=0.0)
    assert served.latencies_s == pytest.approx([0.2, 0.1])
    assert served.documents == [8, 1]


def test_pairs_are_cut_to_what_the_model_reads_and_a_request_takes_its_time_besides() -> None:
    capacity = ReplicaCapacity(1_000.0, request_s=0.05, max_pair_tokens=80, engine=PAIRS_ALONE)
    assert serve(Setup(capacity), [Arrival(0.0, [500])], settling=0.0).latencies_s == pytest.approx([0.13])


def test_replicas_that_leave_finish_what_they_have_and_new_ones_help() -> None:
    arrivals = [Arrival(0.0, [100]), Arrival(0.01, [100]), Arrival(0.02, [100]), Arrival(0.03, [100])]
    fewer = serve(Setup(CAPACITY, 2, "round-robin"), arrivals, settling=0.0, changes=[(0.015, 1)])
    more = serve(Setup(CAPACITY, 1, "backlog"), arrivals, settling=0.0, changes=[(0.005, 4)])
    assert len(fewer.latencies_s) == len(more.latencies_s) == 4
    assert max(more.latencies_s) == pytest.approx(0.1)
    assert max(fewer.latencies_s) == pytest.approx(0.28)
