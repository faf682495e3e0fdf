"""etcd, the API server's store, on the bridge's address."""

from __future__ import annotations

from tests.cluster import processes
from tests.cluster.answering import answers
from tests.cluster.layout import ETCD_PEER_PORT, ETCD_PORT, FOLDER, HOST_ADDRESS

CLIENT_URL = f"http://{HOST_ADDRESS}:{ETCD_PORT}"


def start() -> None:
    """Start etcd and wait for its health."""
    peer_url = f"http://{HOST_ADDRESS}:{ETCD_PEER_PORT}"
    command = [
        "etcd",
        f"--data-dir={FOLDER}/etcd",
        f"--listen-client-urls={CLIENT_URL}",
        f"--advertise-client-urls={CLIENT_URL}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        # What is lost with the machine is not missed here, and other work on the disk must not hold up the cluster.
        "--unsafe-no-fsync",
        "--election-timeout=5000",
        "--heartbeat-interval=500",
    ]
    process = processes.start("etcd", command)
    processes.await_healthy("etcd", process, lambda: answers(f"{CLIENT_URL}/health"), limit_s=60)
