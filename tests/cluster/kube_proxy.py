"""A node's kube-proxy: Services, by iptables inside the node's network namespace."""

from __future__ import annotations

import json
import subprocess

from tests.cluster import certificates, kubeconfigs, processes
from tests.cluster.answering import answers
from tests.cluster.layout import POD_NETWORK, Node
from tests.cluster.tools import KUBERNETES

HEALTH_PORT = 10256


def start(node: Node, inside: list[str]) -> subprocess.Popen[bytes]:
    """Start it inside the node; `await_healthy` waits for it."""
    configuration = node.folder / "kube-proxy.json"
    content = {
        "kind": "KubeProxyConfiguration",
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "mode": "iptables",
        "hostnameOverride": node.name,
        "clientConnection": {"kubeconfig": str(kubeconfigs.write(certificates.KUBE_PROXY))},
        "clusterCIDR": POD_NETWORK,
        "healthzBindAddress": f"{node.address}:{HEALTH_PORT}",
        "metricsBindAddress": f"{node.address}:10249",
        # The size of the connection table belongs to the machine, not to a namespace.
        "conntrack": {"maxPerCore": 0, "min": 0},
    }
    configuration.write_text(json.dumps(content, indent=2), encoding="utf-8")
    command = [str(KUBERNETES.program("kube-proxy")), f"--config={configuration}"]
    return processes.start(f"{node.name}-kube-proxy", command, prefix=inside)


def await_healthy(node: Node, process: subprocess.Popen[bytes]) -> None:
    """Wait for its health, which it has once its rules are written."""
    url = f"http://{node.address}:{HEALTH_PORT}/healthz"
    processes.await_healthy(f"{node.name}-kube-proxy", process, lambda: answers(url), limit_s=120)
