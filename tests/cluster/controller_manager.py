"""The controller manager: Deployments, ReplicaSets, Jobs, endpoints, node life."""

from __future__ import annotations

import subprocess

from tests.cluster import certificates, kubeconfigs, processes
from tests.cluster.answering import answers
from tests.cluster.layout import CONTROLLER_MANAGER_PORT, FOLDER, HOST_ADDRESS, SERVICE_NETWORK
from tests.cluster.tools import KUBERNETES


def start() -> subprocess.Popen[bytes]:
    """Start it; `await_healthy` waits for it."""
    kubeconfig = kubeconfigs.write(certificates.CONTROLLER_MANAGER)
    command = [
        KUBERNETES.program("kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={HOST_ADDRESS}",
        f"--secure-port={CONTROLLER_MANAGER_PORT}",
        f"--cert-dir={FOLDER}/controller-manager",
        f"--root-ca-file={certificates.AUTHORITY}.crt",
        f"--service-account-private-key-file={certificates.SERVICE_ACCOUNT_KEY}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        # Pod ranges are fixed per node, in its network configuration.
        "--controllers=*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller",
    ]
    return processes.start("kube-controller-manager", [str(word) for word in command])


def await_healthy(process: subprocess.Popen[bytes]) -> None:
    """Wait for its health."""
    url = f"https://{HOST_ADDRESS}:{CONTROLLER_MANAGER_PORT}/healthz"
    processes.await_healthy("kube-controller-manager", process, lambda: answers(url), limit_s=120)
