"""The scheduler."""

from __future__ import annotations

import subprocess

from tests.cluster import certificates, kubeconfigs, processes
from tests.cluster.answering import answers
from tests.cluster.layout import FOLDER, HOST_ADDRESS, SCHEDULER_PORT
from tests.cluster.tools import KUBERNETES


def start() -> subprocess.Popen[bytes]:
    """Start it; `await_healthy` waits for it."""
    kubeconfig = kubeconfigs.write(certificates.SCHEDULER)
    command = [
        KUBERNETES.program("kube-scheduler"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={HOST_ADDRESS}",
        f"--secure-port={SCHEDULER_PORT}",
        f"--cert-dir={FOLDER}/scheduler",
        "--leader-elect=false",
    ]
    return processes.start("kube-scheduler", [str(word) for word in command])


def await_healthy(process: subprocess.Popen[bytes]) -> None:
    """Wait for its health."""
    url = f"https://{HOST_ADDRESS}:{SCHEDULER_PORT}/healthz"
    processes.await_healthy("kube-scheduler", process, lambda: answers(url), limit_s=120)
