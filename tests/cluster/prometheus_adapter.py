"""prometheus-adapter: metrics of pods for autoscalers (custom.metrics.k8s.io), out of Prometheus."""

from __future__ import annotations

from tests.cluster import kubectl, processes
from tests.cluster.addition import Addition
from tests.cluster.failures import ClusterError
from tests.cluster.node_images import from_source, image_name
from tests.cluster.tools import Tool

TOOL = Tool("prometheus-adapter", "sigs.k8s.io/prometheus-adapter")


def start() -> None:
    """Ask for it and wait until the API server reaches it; it needs Prometheus to have something to say."""
    kubectl.apply("prometheus-adapter.yaml", ADAPTER=image_name(TOOL))
    kubectl.roll_out("deployment/prometheus-adapter", "monitoring")
    processes.await_condition("The API server serves custom metrics", _is_served, limit_s=120)


def _is_served() -> bool:
    try:
        kubectl.kubectl("get", "--raw=/apis/custom.metrics.k8s.io/v1beta1")
    except ClusterError:
        return False
    return True


ADDITION = Addition(start, tools=(TOOL,), images=lambda: [from_source(TOOL, "adapter")])
