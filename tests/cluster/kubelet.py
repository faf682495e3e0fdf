"""A node's kubelet."""

from __future__ import annotations

import json
import subprocess

from tests.cluster import certificates, kubeconfigs, processes
from tests.cluster.answering import answers
from tests.cluster.api_server import FEATURE_GATES
from tests.cluster.layout import DNS_ADDRESS, Node
from tests.cluster.tools import KUBERNETES

HEALTH_PORT = 10248


def start(node: Node, inside: list[str]) -> subprocess.Popen[bytes]:
    """Start it inside the node; `await_healthy` waits for it."""
    kubeconfig = kubeconfigs.write(certificates.KUBELETS[node])
    (node.folder / "resolv.conf").write_text("# No name server: nothing outside the cluster is resolved.\n", "utf-8")
    configuration = node.folder / "kubelet.json"
    configuration.write_text(json.dumps(_configuration(node), indent=2), encoding="utf-8")
    command = [
        KUBERNETES.program("kubelet"),
        f"--config={configuration}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
    ]
    return processes.start(f"{node.name}-kubelet", [str(word) for word in command], prefix=inside)


def await_healthy(node: Node, process: subprocess.Popen[bytes]) -> None:
    """Wait for its health."""
    url = f"http://{node.address}:{HEALTH_PORT}/healthz"
    processes.await_healthy(f"{node.name}-kubelet", process, lambda: answers(url), limit_s=120)


def _configuration(node: Node) -> dict[str, object]:
    server = certificates.KUBELET_SERVERS[node]
    name, _, value = FEATURE_GATES.partition("=")
    return {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "address": node.address,
        "healthzBindAddress": node.address,
        "healthzPort": HEALTH_PORT,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "authentication": {"x509": {"clientCAFile": f"{certificates.AUTHORITY}.crt"}, "anonymous": {"enabled": False}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(server.certificate),
        "tlsPrivateKeyFile": str(server.key),
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(node.folder / "resolv.conf"),
        "volumePluginDir": str(node.folder / "volume-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.name}",
        # Machines with cgroup version 1 and with swap are welcome: this is a test cluster.
        "failCgroupV1": False,
        "failSwapOn": False,
        "featureGates": {name: value == "true"},
        # Both nodes see the same disk; it is checked for space before the cluster starts.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "shutdownGracePeriod": "0s",
    }
