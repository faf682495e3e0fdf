"""CoreDNS: names of Services, answered on both nodes."""

from __future__ import annotations

from tests.cluster import kubectl, processes
from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.layout import DNS_ADDRESS
from tests.cluster.node_images import BUSYBOX_PROGRAM, image_name
from tests.cluster.tools import COREDNS


def start() -> None:
    """Ask for its pods; `await_answers` waits for them."""
    kubectl.apply("coredns.yaml", COREDNS=image_name(COREDNS), DNS_ADDRESS=DNS_ADDRESS)


def await_answers(inside: list[str]) -> None:
    """Wait until a name is resolved from inside a node, through the Service."""
    processes.await_condition("CoreDNS answers through its Service", lambda: _answers(inside), limit_s=180)


def _answers(inside: list[str]) -> bool:
    question = [str(BUSYBOX_PROGRAM), "nslookup", "kubernetes.default.svc.cluster.local", DNS_ADDRESS]
    try:
        run([*inside, *question], time_limit_s=10)
    except ClusterError:
        return False
    return True
