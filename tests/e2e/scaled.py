"""Load steps against an autoscaled release, and what replicas, backlog and latency did meanwhile."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.cluster.failures import ClusterError
from tests.e2e.helm import Values
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, wait_until

PROMETHEUS = "/api/v1/namespaces/monitoring/services/prometheus:http/proxy/api/v1"
SCRAPE_S, SYNC_S = 5.0, 15.0
"""How often Prometheus looks at the pods, and the autoscaler's controller at the metric."""

CAPPED: Values = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"cpu": "400m", "memory": "1Gi"},
}
"""So that a second replica adds something on two cores."""

QUICK: Values = {
    "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]},
    "scaleDown": {"stabilizationWindowSeconds": 15, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]},
}
"""So that the way up and down take minutes and not a quarter of an hour."""

PATIENCE_S = 20.0
"""Of a caller in the step, who would else wait for long after it."""

FLOOD = 60.0
"""Requests a second of which a capped replica answers as many as it can."""

WARM_S, FLOOD_S = 4.0, 14.0
"""Until its rate is that of the cap, and until an autoscaler's second replica could help."""

COPIES = 16
"""Of the candidates in each request, so that few requests are a load."""


LEAST_SHARE = 0.8
"""Of what each replica would add if they did not disturb each other."""


@dataclass(frozen=True)
class Scaled:
    """A Deployment whose count an autoscaler decides.

    Attributes:
        namespace: Where it is.
        name: Of the Deployment, its autoscaler and the label `reranker`.
        url: Where callers reach it.
    """

    namespace: Namespace
    name: str
    url: str

    @property
    def own(self) -> str:
        """Matchers of its series."""
        return f'namespace="{self.namespace.name}",reranker="{self.name}"'

    def replicas(self) -> int:
        """The count that the autoscaler has set."""
        count: int = self.namespace.get("deployment", self.name)["spec"]["replicas"]
        return count

    def reads_its_metric(self) -> bool:
        """Whether the autoscaler says so."""
        conditions = self.namespace.get("hpa", self.name).get("status", {}).get("conditions", [])
        return any(found["type"] == "ScalingActive" and found["status"] == "True" for found in conditions)

    def asked(self, query: str) -> list[dict[str, Any]]:
        """Prometheus' answer now."""
        return self._prometheus("query", {"query": query})

    def over(self, query: str, start: float, end: float) -> list[tuple[float, float]]:
        """The first series of an answer over time, in seconds since the start."""
        found = self._prometheus("query_range", {"query": query, "start": start, "end": end, "step": 5})
        values = found[0]["values"] if found else []
        return [(round(at - start, 1), float(value)) for at, value in values]

    def _prometheus(self, path: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        text = self.namespace.cluster.kubectl("get", f"--raw={PROMETHEUS}/{path}?{urlencode(parameters)}")
        found: list[dict[str, Any]] = json.loads(text)["data"]["result"]
        return found


def serves_custom_metrics(cluster: Cluster) -> bool:
    """Whether the cluster has an adapter."""
    try:
        cluster.kubectl("get", "--raw=/apis/custom.metrics.k8s.io/v1beta1")
    except ClusterError:
        return False
    return True


def up_and_down(
    scaled: Scaled, search: SearchPod, rate: float, most: int, hold_s: float = 0.0, budget_s: float = SCRAPE_S + SYNC_S
) -> dict[str, Any]:
    """A load until there are `most` replicas, then a little until there is one.

    Args:
        scaled: With one replica, whose autoscaler reads its metric.
        search: Where the load comes from.
        rate: Of the load, in requests a second: more than one replica can do.
        most: Replicas to wait for.
        hold_s: How long the load goes on with all of them.
        budget_s: Longest time to the decision, as the intervals of the chain add up; told beside what it took.
    """
    began = time.time()
    with search.start_load(scaled.url, rate, time_limit_s=PATIENCE_S, connections=16, copies=COPIES) as load:
        decided_s = _until(lambda: scaled.replicas() > 1, "the autoscaler adds a replica")
        all_s = _until(lambda: _ready(scaled) >= most, f"there are {most} replicas") + decided_s
        time.sleep(hold_s)
        busy = load.outcome()
    calm_began = time.time()
    with search.start_load(scaled.url, max(0.5, rate / 20), time_limit_s=60, connections=4, copies=1) as load:
        down_s = _until(lambda: scaled.replicas() == 1, "there is one replica again", limit_s=600)
        # The last pod that goes drains meanwhile.
        wait_until(lambda: _pods(scaled) == 1, "the pods that went have ended")
        # Until Prometheus has seen that too.
        time.sleep(2 * SCRAPE_S)
        calm = load.outcome()
    lost = [outcome["failure"] for outcome in calm if outcome["failure"] is not None]
    assert lost == [], lost
    end = time.time()
    return {
        "requests_per_second": round(rate, 2),
        "replicas": most,
        "decided_after_s": decided_s,
        "lag_budget_s": budget_s,
        "all_ready_after_s": round(all_s, 1),
        "one_again_after_s": down_s,
        "requests_in_the_step": len(busy),
        "refused_in_the_step": sum(outcome["failure"] is not None for outcome in busy),
        "requests_on_the_way_down": len(calm),
        "lost_on_the_way_down": 0,
        "drain": drain(scaled, began, end),
        "series": {
            "replicas": scaled.over(f"count(bge_reranker_ready{{{scaled.own}}} == 1)", began, end),
            "backlog_s": scaled.over(f"avg(bge_reranker_backlog_seconds{{{scaled.own}}})", began, end),
            "p95_s": [*p95(busy, 0.0), *p95(calm, calm_began - began)],
        },
    }


def capacity(scaled: Scaled, search: SearchPod) -> float:
    """Requests a second that one replica answers to more callers than it can serve.

    Its own measure is taken before the cap throttles it, and is several times too high.
    """
    with search.start_load(scaled.url, FLOOD, time_limit_s=PATIENCE_S, connections=16, copies=COPIES) as load:
        time.sleep(FLOOD_S)
        outcomes = [outcome for outcome in load.outcome() if outcome["failure"] is None]
    wait_until(lambda: scaled.replicas() == 1, "there is one replica before the step", limit_s=300)
    ended: list[float] = [outcome["at_s"] + outcome["took_ms"] / 1000 for outcome in outcomes]
    return sum(WARM_S <= each < FLOOD_S for each in ended) / (FLOOD_S - WARM_S)


def drain(scaled: Scaled, began: float, end: float) -> dict[str, float]:
    """Pairs a second with one replica and with the most, each at its fastest 15 seconds."""
    rates = dict(scaled.over(f"sum(rate(bge_reranker_pairs_total{{{scaled.own}}}[15s]))", began, end))
    counts = dict(scaled.over(f"count(bge_reranker_ready{{{scaled.own}}} == 1)", began, end))
    most = int(max(counts.values()))

    def fastest(count: int) -> float:
        return max((rate for at, rate in rates.items() if counts.get(at) == count), default=0.0)

    one, all_of_them = fastest(1), fastest(most)
    ratio = all_of_them / one if one else 0.0
    return {"one": round(one, 1), "all": round(all_of_them, 1), "replicas": most, "ratio": round(ratio, 2)}


def drains_as_many(found: dict[str, float]) -> None:
    """That replicas add up: `LEAST_SHARE` of their number times what one does.

    Args:
        found: What `drain` says.
    """
    assert found["ratio"] >= LEAST_SHARE * found["replicas"], f"replicas do not add up: {found}"


def p95(outcomes: list[dict[str, Any]], offset_s: float, window_s: float = 5.0) -> list[tuple[float, float]]:
    """Latency of the requests that began within each window."""
    windows: dict[int, list[float]] = {}
    for outcome in outcomes:
        windows.setdefault(int(outcome["at_s"] // window_s), []).append(outcome["took_ms"] / 1000)
    return [
        (round(offset_s + window * window_s, 1), round(statistics.quantiles([*took, *took], n=20)[-1], 3))
        for window, took in sorted(windows.items())
    ]


def _ready(scaled: Scaled) -> int:
    count: int = scaled.namespace.get("deployment", scaled.name).get("status", {}).get("readyReplicas", 0)
    return count


def _pods(scaled: Scaled) -> int:
    selector = f"--selector=bge-reranker.io/fullname={scaled.name},app.kubernetes.io/component=scorer"
    return len(scaled.namespace.get("pods", selector)["items"])


def _until(holds: Callable[[], bool], what: str, limit_s: float = 300) -> float:
    began = time.monotonic()
    wait_until(holds, what, limit_s)
    return round(time.monotonic() - began, 1)
