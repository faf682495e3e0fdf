"""KEDA: ScaledObjects become autoscalers of the metrics that it fetches itself (external.metrics.k8s.io).

Its operator and its adapter, without the webhooks that check ScaledObjects when they are applied.
"""

from __future__ import annotations

from tests.cluster import crds, kubectl, processes
from tests.cluster.addition import Addition
from tests.cluster.failures import ClusterError
from tests.cluster.images import ProgramImage
from tests.cluster.node_images import image_name
from tests.cluster.tools import Tool

_MODULE = "github.com/kedacore/keda/v2"
TOOL = Tool("keda", _MODULE, (f"{_MODULE}/version.Version={{version}}",))

PROGRAMS = ("operator", "adapter")


def _images() -> list[ProgramImage]:
    """One image with both programs, the first of which runs."""
    files = {f"/bin/{name}": TOOL.program(name) for name in PROGRAMS}
    return [ProgramImage(image_name(TOOL), files, [f"/bin/{PROGRAMS[0]}"])]


def start() -> None:
    """Ask for both, and wait until the API server reaches the adapter; it needs Prometheus to have something to say."""
    crds.start()
    kubectl.apply("keda.yaml", KEDA=image_name(TOOL))
    kubectl.roll_out("deployment/keda-operator", "keda")
    # It starts once the operator has made the certificates that both show each other.
    kubectl.roll_out("deployment/keda-metrics-apiserver", "keda")
    processes.await_condition("The API server serves external metrics", _is_served, limit_s=240)


def _is_served() -> bool:
    try:
        kubectl.kubectl("get", "--raw=/apis/external.metrics.k8s.io/v1beta1")
    except ClusterError:
        return False
    return True


ADDITION = Addition(start, tools=(crds.DEFINITIONS, TOOL), images=_images)
