"""The whole chain: prometheus-operator, Prometheus, adapter and the real autoscaler move the replicas of a Reranker.

By backlog, by the GPU (an exporter plays dcgm-exporter, behind a ServiceMonitor without honorLabels) and by CPU time.
Then Prometheus is stopped under load: the replicas hold, and the Reranker says which link is broken.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tests.e2e.image_names import OPERATOR_IMAGE
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, search_pod, wait_until
from tests.e2e.operated import Operated
from tests.e2e.scaled import CAPPED, COPIES, PATIENCE_S, QUICK, Scaled, capacity, up_and_down

ADDITIONS = ("prometheus-operator", "adapter")
NAMESPACE = "rr-e2e-autoscaling"
MOST = 2
HOLD_S = 30.0
OUTAGE_S = 120.0

EXPORTER = Path(__file__).resolve().parents[2] / "monitoring" / "dcgm_exporter.py"
PLOT = Path(__file__).resolve().parents[3] / "docs" / "plots" / "autoscaling.svg"

NO_BACKLOG = {"enabled": False}
SIGNALS: dict[str, dict[str, Any]] = {
    "backlog": {},
    "GPU utilization": {
        "backlogSeconds": NO_BACKLOG,
        "metrics": [
            {
                "type": "Pods",
                "pods": {
                    "metric": {"name": "bge_reranker_gpu_utilization"},
                    "target": {"type": "AverageValue", "averageValue": "600m"},
                },
            }
        ],
    },
    "CPU": {"backlogSeconds": NO_BACKLOG, "cpu": {"enabled": True, "targetPercent": 200}},
}
"""What is scaled on; no pod here may ask for a GPU, so its metric is named as any other is."""


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Scale on each signal, then take Prometheus away."""
    with (
        search_pod(cluster, search_image, "rr-e2e-autoscaling-search") as search,
        cluster.namespace(NAMESPACE) as namespace,
    ):
        products = Operated(namespace, image)
        products.install_operator(OPERATOR_IMAGE)
        _play_gpus(namespace, image)
        scaled = Scaled(namespace, products.name, products.url)
        figures = {name: _by(products, scaled, search, signal) for name, signal in SIGNALS.items()}
        figures["Prometheus stopped"] = _without_prometheus(products, scaled, search)
    _draw({name: each["series"] for name, each in figures.items() if "series" in each})
    return figures


def _by(products: Operated, scaled: Scaled, search: SearchPod, signal: dict[str, Any]) -> dict[str, Any]:
    products.apply(
        replicas=1,
        resources=CAPPED,
        serviceMonitor={"enabled": True},
        prometheusRule={"enabled": True},
        autoscaling={"enabled": True, "maxReplicas": MOST, "behavior": QUICK, **signal},
    )
    products.await_ready()
    products.await_reason("MetricsHealthy", "Read")
    return up_and_down(scaled, search, MOST, hold_s=HOLD_S)


def _without_prometheus(products: Operated, scaled: Scaled, search: SearchPod) -> dict[str, Any]:
    """Two replicas while nobody measures: under load at first, and then without."""
    products.apply(
        replicas=1,
        resources=CAPPED,
        serviceMonitor={"enabled": True},
        autoscaling={"enabled": True, "minReplicas": 1, "maxReplicas": MOST, "behavior": QUICK},
    )
    products.await_reason("MetricsHealthy", "Read")
    rate, counts = 2.0 * capacity(scaled, search), set()
    with search.start_load(scaled.url, rate, time_limit_s=PATIENCE_S, connections=16, copies=COPIES) as load:
        wait_until(lambda: scaled.replicas() == MOST, "the autoscaler adds a replica")
        _prometheus(scaled.namespace.cluster, 0)
        began = time.monotonic()
        broken = _broken(products)
        said_s = round(time.monotonic() - began, 1)
        load.outcome()
    # Without a load from here on: whoever took silence for idleness would take a replica away.
    while time.monotonic() - began < OUTAGE_S:
        counts.add(scaled.replicas())
        time.sleep(2)
    _prometheus(scaled.namespace.cluster, 1)
    began = time.monotonic()
    products.await_reason("MetricsHealthy", "Read", 300)
    mended_s = round(time.monotonic() - began, 1)
    wait_until(lambda: scaled.replicas() == 1, "the idle replica goes once the load is known again")
    assert len(counts) == 1, f"the count moved while nobody measured: {counts}"
    return {
        "stopped_for_s": OUTAGE_S,
        "replicas_meanwhile": counts.pop(),
        "said_after_s": said_s,
        "reason": broken["reason"],
        "message": broken["message"],
        "healthy_again_after_s": mended_s,
    }


def _broken(products: Operated) -> dict[str, Any]:
    wait_until(lambda: products.condition("MetricsHealthy").get("status") == "False", "MetricsHealthy is false")
    return products.condition("MetricsHealthy")


def _prometheus(cluster: Cluster, replicas: int) -> None:
    patch = json.dumps({"spec": {"replicas": replicas}})
    cluster.kubectl("patch", "prometheus", "all", "--namespace=monitoring", "--type=merge", f"--patch={patch}")
    selector = "--selector=operator.prometheus.io/name=all"

    def is_so() -> bool:
        pods = cluster.get("pods", "--namespace=monitoring", selector)["items"]
        ready = [
            pod
            for pod in pods
            if any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))
        ]
        return len(pods) == replicas == len(ready)

    wait_until(is_so, f"{replicas} pods of Prometheus")


def _play_gpus(namespace: Namespace, image: str) -> None:
    """The exporter's pod, which sees the scorers of its namespace, and a ServiceMonitor as its chart has one."""
    labels = {"app": "dcgm-exporter"}
    account = {"metadata": {"name": "dcgm-exporter"}}
    subject = {"kind": "ServiceAccount", "name": "dcgm-exporter", "namespace": namespace.name}
    rbac = "rbac.authorization.k8s.io"
    container = {
        "name": "exporter",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python3", "/exporter/dcgm_exporter.py"],
        "ports": [{"name": "exporter", "containerPort": 9400}],
        "readinessProbe": {"tcpSocket": {"port": "exporter"}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "script", "mountPath": "/exporter"}],
    }
    pod = {
        "serviceAccountName": "dcgm-exporter",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "script", "configMap": {"name": "dcgm-exporter"}}],
    }
    port = {"name": "exporter", "port": 9400}
    namespace.create(
        {"apiVersion": "v1", "kind": "ServiceAccount", **account},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            **account,
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            **account,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "dcgm-exporter"},
            "subjects": [subject],
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            **account,
            "data": {EXPORTER.name: EXPORTER.read_text(encoding="utf-8")},
        },
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dcgm-exporter", "labels": labels}, "spec": pod},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "dcgm-exporter", "labels": labels},
            "spec": {"selector": labels, "ports": [port]},
        },
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "ServiceMonitor",
            **account,
            "spec": {
                "selector": {"matchLabels": labels},
                "endpoints": [{"port": "exporter", "honorLabels": False, "interval": "5s"}],
            },
        },
    )
    namespace.kubectl("wait", "pod/dcgm-exporter", "--for=condition=Ready", "--timeout=180s")


def _draw(series: dict[str, dict[str, list[tuple[float, float]]]]) -> None:
    """A column for each signal: replicas, backlog and p95 over time."""
    rows = (("replicas", "ready replicas"), ("backlog_s", "backlog, s"), ("p95_s", "p95, s"))
    figure = Figure(figsize=(4.5 * len(series), 6.5), layout="constrained")
    grid = figure.subplots(len(rows), len(series), squeeze=False, sharex="col")
    for column, (name, lines) in enumerate(series.items()):
        grid[0][column].set_title(name)
        for row, (key, label) in enumerate(rows):
            axes = grid[row][column]
            points = lines[key]
            draw = axes.step if key == "replicas" else axes.plot
            draw([at for at, _ in points], [value for _, value in points])
            axes.set(ylabel=label, ylim=(0, None))
        grid[-1][column].set_xlabel("seconds since the load began")
    figure.savefig(PLOT, metadata={"Date": None})
