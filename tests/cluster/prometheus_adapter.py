"""prometheus-adapter: metrics of pods for autoscalers (custom.metrics.k8s.io), out of Prometheus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import kubectl, processes
from tests.cluster.addition import Addition
from tests.cluster.failures import ClusterError
from tests.cluster.node_images import from_source, image_name
from tests.cluster.tools import Tool

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"

REQUESTS: dict[str, Any] = {
    "seriesQuery": '{__name__="rerank_requests_total",namespace!="",pod!=""}',
    "resources": {"overrides": {label: {"resource": label} for label in ("namespace", "pod")}},
    "name": {"as": "rerank_requests_per_second"},
    "metricsQuery": "sum(rate(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>)",
}
"""A rate, for tests of the adapter itself."""

TOOL = Tool("prometheus-adapter", "sigs.k8s.io/prometheus-adapter")


def start() -> None:
    """Ask for it and wait until the API server reaches it; it needs Prometheus to have something to say."""
    kubectl.apply("prometheus-adapter.yaml", ADAPTER=image_name(TOOL), RULES=json.dumps({"rules": _rules()}))
    kubectl.roll_out("deployment/prometheus-adapter", "monitoring")
    processes.await_condition("The API server serves custom metrics", _is_served, limit_s=120)


def _rules() -> list[dict[str, Any]]:
    """Those that a platform team is given, and counters of requests as rates."""
    given = yaml.safe_load((MANIFESTS / "prometheus-adapter-values.yaml").read_text(encoding="utf-8"))
    rules: list[dict[str, Any]] = given["rules"]["custom"]
    return [*rules, REQUESTS]


def _is_served() -> bool:
    try:
        kubectl.kubectl("get", "--raw=/apis/custom.metrics.k8s.io/v1beta1")
    except ClusterError:
        return False
    return True


ADDITION = Addition(start, tools=(TOOL,), images=lambda: [from_source(TOOL, "adapter")])
