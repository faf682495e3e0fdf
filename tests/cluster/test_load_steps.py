"""The figures that proofs of scaling make of what clients and Prometheus saw."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from typing_extensions import override

from tests.e2e.kubernetes import Cluster, Namespace
from tests.e2e.scaled import Scaled, drain, p95


@dataclass(frozen=True)
class Seen(Scaled):
    """A release whose Prometheus is played."""

    rates: tuple[tuple[float, float], ...] = ()
    counts: tuple[tuple[float, float], ...] = ()

    @override
    def over(self, query: str, start: float, end: float) -> list[tuple[float, float]]:
        del start, end
        return list(self.rates if "rate(" in query else self.counts)


def test_each_window_has_the_latency_of_the_requests_that_began_in_it() -> None:
    outcomes = [{"at_s": at_s, "took_ms": took_ms} for at_s, took_ms in ((0.5, 100.0), (1.5, 100.0), (7.0, 2000.0))]
    times, latencies = zip(*p95(outcomes, 30.0), strict=True)
    assert times == (30.0, 35.0)
    assert latencies == pytest.approx((0.1, 2.0))


def test_the_drain_is_compared_at_the_fastest_of_each_count_of_replicas() -> None:
    seen = Seen(
        Namespace(Cluster("none"), "search"),
        "demo",
        "http://demo",
        rates=((0, 50.0), (5, 100.0), (10, 180.0), (15, 150.0), (20, 90.0)),
        counts=((0, 1.0), (5, 1.0), (10, 2.0), (15, 2.0), (20, 1.0)),
    )
    assert drain(seen, 0.0, 20.0) == {"one": 100.0, "all": 180.0, "replicas": 2, "ratio": 1.8}
