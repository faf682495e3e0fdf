"""KEDA moves the replicas of a Reranker by the backlog, and holds them while Prometheus is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.e2e.image_names import OPERATOR_IMAGE
from tests.e2e.kubernetes import Cluster, search_pod
from tests.e2e.operated import Operated
from tests.e2e.outage import without_prometheus
from tests.e2e.proofs.autoscaling import HOLD_S, MOST, monitored
from tests.e2e.scaled import Scaled, capacity, drains_as_many, up_and_down

ADDITIONS = ("prometheus-operator", "keda")
SCENES = ("backlog", "outage")

KEDA = {
    "enabled": True,
    "serverAddress": "http://prometheus.monitoring.svc.cluster.local:9090",
    # Fewer than there will be: only what there is may hold them.
    "fallback": {"replicas": 1},
}


def prove(cluster: Cluster, image: str, search_image: str, scenes: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """One scene after the other; its name and its figures."""
    with (
        search_pod(cluster, search_image, "rr-e2e-keda-search") as search,
        cluster.namespace("rr-e2e-keda") as namespace,
    ):
        products = Operated(namespace, image)
        products.install_operator(OPERATOR_IMAGE)
        products.apply(**monitored({"keda": KEDA}))
        products.await_ready()
        # Its own certificates reach its pods within minutes.
        products.await_reason("MetricsHealthy", "Read", 300)
        scaled = Scaled(namespace, products.name, products.url)
        rate = 2.0 * capacity(scaled, search)
        if "backlog" in scenes:
            found = up_and_down(scaled, search, rate, MOST, HOLD_S)
            drains_as_many(found["drain"])
            yield "backlog", found
        if "outage" in scenes:
            yield "outage", without_prometheus(products, scaled, search, rate, MOST)
