"""A node's enforcer of network policies: kube-router, its firewall alone, by iptables and ipset inside the node."""

from __future__ import annotations

import subprocess

from tests.cluster import certificates, kubeconfigs, kubectl, processes
from tests.cluster.answering import answers
from tests.cluster.layout import SERVICE_NETWORK, Node
from tests.cluster.tools import KUBE_ROUTER

HEALTH_PORT = 20244


def allow() -> None:
    """Let its user read what it needs of the API."""
    kubectl.apply("kube-router.yaml", USER=certificates.KUBE_ROUTER.name)


def start(node: Node, inside: list[str]) -> subprocess.Popen[bytes]:
    """Start it inside the node, which must be known to the API server; `await_healthy` waits for it."""
    command = [
        str(KUBE_ROUTER.program()),
        f"--kubeconfig={kubeconfigs.write(certificates.KUBE_ROUTER)}",
        f"--hostname-override={node.name}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        # Services are kube-proxy's, routes and the pods' network are this cluster's own.
        "--run-firewall=true",
        "--run-service-proxy=false",
        "--run-router=false",
        "--enable-cni=false",
        f"--health-port={HEALTH_PORT}",
    ]
    return processes.start(f"{node.name}-kube-router", command, prefix=inside)


def await_healthy(node: Node, process: subprocess.Popen[bytes]) -> None:
    """Wait for its health, which it has once its rules are written."""
    url = f"http://{node.address}:{HEALTH_PORT}/healthz"
    processes.await_healthy(f"{node.name}-kube-router", process, lambda: answers(url), limit_s=120)
