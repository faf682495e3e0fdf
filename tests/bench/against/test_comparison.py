from __future__ import annotations

from tests.bench.load import Cell

from .comparison import Comparison, Workload
from .ratios import Side

WORKLOAD = Workload("demo", "demo", documents=16, clients=8)

STARTS: dict[Side, list[float]] = {"this": [3.0, 3.0], "other": [2.0, 2.0]}


def cell(seconds: float, latency_s: float, cpu_s: float) -> Cell:
    return Cell(8, seconds=seconds, tokens=1_000, latencies_s=[latency_s] * 3, server_cpu_s=cpu_s)


def test_more_throughput_and_less_latency_are_this_tree_s_figures_over_the_other_s() -> None:
    this = [cell(1.0, 0.2, 2.0), cell(2.0, 0.4, 2.0)]
    other = [cell(2.0, 0.4, 1.0), cell(4.0, 0.8, 1.0)]
    found = {name: ratio.ratio for name, ratio in Comparison(WORKLOAD, this, other, STARTS).ratios().items()}
    assert found == {"throughput": 2.0, "throughput_per_cpu_second": 0.5, "p50_latency": 0.5, "start": 1.5}


def test_a_seed_makes_the_same_requests_for_both_trees() -> None:
    first, again, different = (WORKLOAD.requests(seed) for seed in (1, 1, 2))
    body = next(first)
    assert body == next(again) != next(different)
    assert len(body["candidates"]) == WORKLOAD.documents
