"""What Prometheus can read of the operator."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from .resource import Key

PREFIX = "bge_reranker_operator"


class Metrics:
    """The operator's metrics in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        self.resources = Gauge(
            f"{PREFIX}_resources",
            "Rerankers, by the reason of their Ready condition.",
            ["state"],
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
        self._states: dict[Key, str] = {}

    def tell_state(self, key: Key, state: str | None) -> None:
        """A Reranker's state is this now; None when it is gone."""
        former = self._states.pop(key, None)
        if former is not None:
            self.resources.labels(former).dec()
        if state is not None:
            self._states[key] = state
            self.resources.labels(state).inc()
