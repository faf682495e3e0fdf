"""Where everything of the cluster lies and what it is called; one cluster a machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("/var/lib/bge-reranker-cluster")
"""All that the cluster writes lies here, except what is built once."""

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bge-reranker"
"""Tools and images that are built once."""

MARKER = "BGE_RERANKER_CLUSTER"
"""Environment variable by which the cluster's processes are known, crashed starts included."""

CONTEXT = "bge-reranker-cluster"
"""Name of the kubeconfig's context, which the end-to-end tests want to hear."""

BRIDGE = "rr-cluster"
"""The bridge between this machine and the nodes."""

NETWORK = "198.18.0.0/15"
"""Every address of the cluster; a range reserved for tests of networks."""

HOST_ADDRESS = "198.18.255.1"
POD_NETWORK = "198.18.0.0/17"
SERVICE_NETWORK = "198.19.0.0/24"
API_SERVICE_ADDRESS = "198.19.0.1"
DNS_ADDRESS = "198.19.0.10"

API_PORT = 6443
ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259
HOST_PORTS = (API_PORT, ETCD_PORT, ETCD_PEER_PORT, CONTROLLER_MANAGER_PORT, SCHEDULER_PORT)
"""Ports on `HOST_ADDRESS`."""

CERTIFICATES = FOLDER / "certificates"
KUBECONFIGS = FOLDER / "kubeconfigs"
LOGS = FOLDER / "logs"
VOLUMES = FOLDER / "volumes"
SHARED_VOLUMES = FOLDER / "shared-volumes"
MEMORY = FOLDER / "machine.json"
KUBECONFIG = KUBECONFIGS / "admin"


@dataclass(frozen=True)
class Node:
    """One node: a network and mount namespace of its own, an address, a pod range, a cgroup.

    Attributes:
        index: 1 for the first node.
    """

    index: int

    @property
    def name(self) -> str:
        return f"rr-node-{self.index}"

    @property
    def interface(self) -> str:
        """This machine's end of the cable to the node."""
        return f"rr-cable-{self.index}"

    @property
    def address(self) -> str:
        return f"198.18.255.{10 + self.index}"

    @property
    def pod_range(self) -> str:
        return f"198.18.{self.index}.0/24"

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def containerd_socket(self) -> Path:
        """The socket that is /run/containerd/containerd.sock inside the node."""
        return self.folder / "run-containerd" / "containerd.sock"


NODES = (Node(1), Node(2))
