"""prometheus-operator: ServiceMonitors become the configuration of a Prometheus that it runs.

That Prometheus, at prometheus.monitoring.svc:9090 as Debian's would be, takes the ServiceMonitors and PrometheusRules
of all namespaces. It is built from source, since Debian builds its own without the discovery of Kubernetes.
"""

from __future__ import annotations

from tests.cluster import crds, kubectl, processes
from tests.cluster.addition import Addition
from tests.cluster.failures import ClusterError
from tests.cluster.images import ProgramImage
from tests.cluster.node_images import from_source, image_name
from tests.cluster.tools import Tool

_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
TOOL = Tool(
    "prometheus-operator",
    _OPERATOR,
    tuple(f"github.com/prometheus/common/version.{part}" for part in ("Version={version}",)),
)
PROMETHEUS = Tool("prometheus", "github.com/prometheus/prometheus", tags=("remove_all_sd", "enable_kubernetes_sd"))
"""Of the ways to find targets it has that of Kubernetes alone, besides files and fixed ones."""

RELOADER = "prometheus-config-reloader"


def _images() -> list[ProgramImage]:
    reloader = from_source(TOOL, RELOADER)
    return [
        from_source(TOOL, "operator"),
        ProgramImage(_reloader_image(), reloader.files, reloader.command),
        from_source(PROMETHEUS),
    ]


def _reloader_image() -> str:
    return image_name(TOOL).replace("prometheus-operator", RELOADER)


def start() -> None:
    """Ask for both, and wait until Prometheus answers."""
    crds.start()
    kubectl.apply(
        "prometheus-operator.yaml",
        OPERATOR=image_name(TOOL),
        RELOADER=_reloader_image(),
        PROMETHEUS=image_name(PROMETHEUS),
    )
    kubectl.roll_out("deployment/prometheus-operator", "monitoring")
    processes.await_condition("The operator has made a StatefulSet", _has_stateful_set, limit_s=120)
    kubectl.roll_out("statefulset/prometheus-all", "monitoring")


def _has_stateful_set() -> bool:
    try:
        kubectl.kubectl("--namespace=monitoring", "get", "statefulset/prometheus-all")
    except ClusterError:
        return False
    return True


ADDITION = Addition(start, tools=(crds.DEFINITIONS, TOOL, PROMETHEUS), images=_images)
