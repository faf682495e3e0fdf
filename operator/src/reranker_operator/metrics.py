"""What Prometheus can read of the operator."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

PREFIX = "bge_reranker_operator"

_VALUES = {"True": 1, "False": 0}


class _Resources(Collector):
    """Counts Rerankers when it is asked; a state that was there once is still said, at 0."""

    def __init__(self, states: Callable[[], Iterable[str]]) -> None:
        self._states = states
        self._seen: set[str] = set()

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """See `prometheus_client`."""
        counts = Tally(self._states())
        self._seen |= counts.keys()
        family = GaugeMetricFamily(
            f"{PREFIX}_resources", "Rerankers, by the reason of their Ready condition.", labels=["state"]
        )
        for state in sorted(self._seen):
            family.add_metric([state], counts[state])
        yield family


class Said(NamedTuple):
    """One condition of one Reranker, as it was last reported."""

    namespace: str
    name: str
    type: str
    status: str
    reason: str


class _Conditions(Collector):
    """What is reported of each Reranker, when it is asked."""

    def __init__(self, conditions: Callable[[], Iterable[Said]]) -> None:
        self._conditions = conditions

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """See `prometheus_client`."""
        # `namespace` is the operator's own once Prometheus has scraped it.
        family = GaugeMetricFamily(
            f"{PREFIX}_condition",
            "Conditions of each Reranker: 1 for True, 0 for False, -1 for Unknown.",
            labels=["reranker_namespace", "reranker", "type", "reason"],
        )
        for said in self._conditions():
            family.add_metric([said.namespace, said.name, said.type, said.reason], _VALUES.get(said.status, -1))
        yield family


class Metrics:
    """The operator's metrics in a registry of their own.

    Args:
        states: What the Ready conditions of all Rerankers say now.
        conditions: All conditions of all Rerankers.
    """

    def __init__(
        self, states: Callable[[], Iterable[str]], conditions: Callable[[], Iterable[Said]] = lambda: ()
    ) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Resources(states))
        self.registry.register(_Conditions(conditions))
        self.reconciles = Counter(
            f"{PREFIX}_reconciles", "Rounds of work on a Reranker, by result.", ["result"], registry=self.registry
        )
        self.seconds = Histogram(
            f"{PREFIX}_reconcile_seconds",
            "Duration of a round.",
            registry=self.registry,
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
        )
        self.errors = Counter(f"{PREFIX}_errors", "Rounds that failed, by reason.", ["reason"], registry=self.registry)
        self.model_changes = Counter(
            f"{PREFIX}_model_changes",
            "Changes of a model's version that ended, by code: Active, or why what served before serves on.",
            ["code"],
            registry=self.registry,
        )
        self.work_age = Gauge(
            f"{PREFIX}_work_age_seconds", "Age of the oldest work that is due.", registry=self.registry
        )
        self.writes = Counter(
            f"{PREFIX}_writes", "Writes to the cluster, by what was written.", ["what"], registry=self.registry
        )
        self.renders = Gauge(f"{PREFIX}_helm_runs", "Times that helm was started.", registry=self.registry)
        self.holds_lease = Gauge(
            f"{PREFIX}_holds_lease", "1 while this process is the one that works.", registry=self.registry
        )
