"""What the cluster has on request answers: foreign kinds, Prometheus, its adapter, Redis, a fleet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tests.cluster import kwok
from tests.cluster.failures import ClusterError
from tests.cluster.node_images import BUSYBOX
from tests.e2e.deployment import RATE, SCORER, URL, deployed
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, failures, search_pod, wait_until

ADDITIONS = ("crds", "prometheus", "adapter", "redis", "kwok")

FLEET = 100
"""Pods that kwok plays."""

CORES = "3"
"""What each asks for: ten of them fill a node, so all of them need every node."""

CONNECTIONS = 12
"""Each stays with the replica that it met first; so many meet both."""

PING = (
    "import socket; redis = socket.create_connection(('redis.redis.svc.cluster.local', 6379), 5); "
    r"redis.send(b'PING\r\n'); print(redis.recv(16))"
)


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Use each of them; the figures are how long each took to answer."""
    figures: dict[str, Any] = {}
    with cluster.namespace("rr-e2e-on-request") as namespace:
        figures["foreign_kinds"] = _foreign_kinds(namespace)
        figures["fleet_of_pods_running_s"] = _timed(lambda: _fleet(namespace))
        with search_pod(cluster, search_image) as search, deployed(cluster, image):
            figures["redis_answered"] = _redis(cluster, search)
            with search.start_load(URL, RATE, connections=CONNECTIONS) as load:
                figures["series_in_prometheus_s"] = _timed(lambda: _series(cluster))
                figures["metric_of_pods_served_s"] = _timed(lambda: _metric_of_pods(cluster))
                figures["autoscaler_reads_it_s"] = _timed(lambda: _autoscaler(Namespace(cluster, SCORER)))
                outcomes = load.outcome()
    assert failures(outcomes) == []
    return {**figures, "requests": len(outcomes)}


def _timed(action: Callable[[], None]) -> float:
    began = time.monotonic()
    action()
    return round(time.monotonic() - began, 1)


def _foreign_kinds(namespace: Namespace) -> list[str]:
    """One object of each kind is taken; one that breaks its schema is refused."""
    port = [{"port": "management"}]
    rule = {"alert": "Down", "expr": "up == 0"}
    objects = {
        "monitoring.coreos.com/v1 ServiceMonitor": {"selector": {}, "endpoints": port},
        "monitoring.coreos.com/v1 PodMonitor": {"selector": {}, "podMetricsEndpoints": port},
        "monitoring.coreos.com/v1 PrometheusRule": {"groups": [{"name": "scorer", "rules": [rule]}]},
        "gateway.networking.k8s.io/v1 HTTPRoute": {"rules": [{"backendRefs": [{"name": "reranker", "port": 8000}]}]},
        "keda.sh/v1alpha1 ScaledObject": {
            "scaleTargetRef": {"name": "reranker"},
            "triggers": [{"type": "cpu", "metadata": {"value": "50"}}],
        },
    }
    for name, spec in objects.items():
        version, kind = name.split()
        body = {"apiVersion": version, "kind": kind, "metadata": {"name": "proof"}}
        namespace.create({**body, "spec": spec})
        try:
            namespace.create({**body, "metadata": {"name": "wrong"}, "spec": []})
        except ClusterError:
            continue
        raise AssertionError(f"a {kind} whose spec is a list was taken")
    return sorted(name.split()[1] for name in objects)


def _fleet(namespace: Namespace) -> None:
    """A Deployment too large for this machine, played by kwok on its nodes."""
    labels = {"app": "fleet"}
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    room = {"requests": {"cpu": CORES}}
    pod = {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": kwok.TAINT["key"], "operator": "Exists"}],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "main", "image": BUSYBOX.name, "securityContext": restricted, "resources": room}],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": FLEET, "selector": {"matchLabels": labels}, "template": template}
    namespace.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "fleet"}, "spec": spec})
    namespace.kubectl("rollout", "status", "deployment/fleet", "--timeout=200s")
    nodes = {pod["spec"]["nodeName"] for pod in namespace.get("pods", "--selector=app=fleet")["items"]}
    assert len(nodes) == kwok.NODES, nodes


def _redis(cluster: Cluster, search: SearchPod) -> bool:
    output = cluster.kubectl(
        "exec", f"--namespace={search.namespace}", "search", "--", "/opt/search/bin/python", "-c", PING
    )
    assert "+PONG" in output, output
    return True


def _series(cluster: Cluster) -> None:
    """Prometheus has counted requests of both replicas."""
    query = quote(f'rerank_requests_total{{namespace="{SCORER}"}} > 0')
    path = f"/api/v1/namespaces/monitoring/services/prometheus:http/proxy/api/v1/query?query={query}"

    def are_there() -> bool:
        found = json.loads(cluster.kubectl("get", f"--raw={path}"))["data"]["result"]
        return len({series["metric"]["pod"] for series in found}) == 2

    wait_until(are_there, "Prometheus has series of both replicas")


def _metric_of_pods(cluster: Cluster) -> None:
    """The adapter serves a rate of both replicas."""
    path = f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/{SCORER}/pods/*/rerank_requests_per_second"

    def is_served() -> bool:
        try:
            items = json.loads(cluster.kubectl("get", f"--raw={path}"))["items"]
        except ClusterError:
            return False
        return len(items) == 2 and all(item["value"] != "0" for item in items)

    wait_until(is_served, "custom.metrics.k8s.io has a rate of both replicas", limit_s=240)


def _autoscaler(namespace: Namespace) -> None:
    """A HorizontalPodAutoscaler sees the metric."""
    metric = {"metric": {"name": "rerank_requests_per_second"}, "target": {"type": "AverageValue", "averageValue": "9"}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reranker"},
        "minReplicas": 2,
        "maxReplicas": 3,
        "metrics": [{"type": "Pods", "pods": metric}],
    }
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    namespace.create({**kind, "metadata": {"name": "reranker"}, "spec": spec})

    def is_active() -> bool:
        conditions = namespace.get("hpa", "reranker").get("status", {}).get("conditions", [])
        return any(found["type"] == "ScalingActive" and found["status"] == "True" for found in conditions)

    wait_until(is_active, "the autoscaler is active on the metric")
