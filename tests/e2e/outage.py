"""Prometheus goes away while an autoscaled Reranker is under load: the replicas hold, and the Reranker says why."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.e2e.kubernetes import Cluster, SearchPod, SteadyLoad, wait_until
from tests.e2e.operated import Operated
from tests.e2e.scaled import COPIES, PATIENCE_S, Scaled

UNDER_LOAD_S, IDLE_S = 120.0, 30.0
"""How long Prometheus is away with a load, and then without: who takes silence for idleness takes a replica away."""


def without_prometheus(products: Operated, scaled: Scaled, search: SearchPod, rate: float, most: int) -> dict[str, Any]:
    """Take Prometheus away at `most` replicas, give it back, and wait until the replicas follow the load again.

    Args:
        products: With one replica; its metrics are healthy.
        scaled: The same, to be looked at.
        search: Where the load comes from.
        rate: Of the load, in requests a second: more than one replica can do.
        most: Its largest count.
    """
    with search.start_load(scaled.url, rate, time_limit_s=PATIENCE_S, connections=16, copies=COPIES) as load:
        wait_until(lambda: scaled.replicas() == most, "the autoscaler adds replicas")
        meanwhile = _away(products, scaled, load)
    began = time.monotonic()
    products.await_reason("MetricsHealthy", "Read", 300)
    mended_s = round(time.monotonic() - began, 1)
    wait_until(lambda: scaled.replicas() == 1, "idle replicas go once the load is known again", 300)
    return {**meanwhile, "healthy_again_after_s": mended_s}


def _away(products: Operated, scaled: Scaled, load: SteadyLoad) -> dict[str, Any]:
    cluster = scaled.namespace.cluster
    _prometheus(cluster, 0)
    began, counts, said = time.monotonic(), {scaled.replicas()}, dict[str, float]()
    while (away_s := time.monotonic() - began) < UNDER_LOAD_S + IDLE_S:
        if away_s > UNDER_LOAD_S and load.process.poll() is None:
            load.outcome()
        counts.add(scaled.replicas())
        condition = products.condition("MetricsHealthy")
        if condition.get("status") == "False":
            said.setdefault(condition["reason"], round(away_s, 1))
        time.sleep(1)
    message = products.condition("MetricsHealthy").get("message", "")
    _prometheus(cluster, 1)
    assert len(counts) == 1, f"the count moved while nobody measured: {counts}"
    assert said, "the Reranker did not say that its metrics are broken"
    return {
        "away_s": UNDER_LOAD_S + IDLE_S,
        "of_that_under_load_s": UNDER_LOAD_S,
        "replicas_meanwhile": counts.pop(),
        "said_after_s": said,
        "message": message,
    }


def _prometheus(cluster: Cluster, replicas: int) -> None:
    patch = json.dumps({"spec": {"replicas": replicas}})
    cluster.kubectl("patch", "prometheus", "all", "--namespace=monitoring", "--type=merge", f"--patch={patch}")
    selector = "--selector=operator.prometheus.io/name=all"

    def is_so() -> bool:
        pods = cluster.get("pods", "--namespace=monitoring", selector)["items"]
        return len(pods) == replicas and all(_is_ready(pod) for pod in pods)

    wait_until(is_so, f"{replicas} pods of Prometheus")


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
