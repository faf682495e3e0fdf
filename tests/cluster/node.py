"""One node: namespaces, cable, cgroup, containerd, then kubelet and kube-proxy."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from tests.cluster import cgroups, containerd, kube_proxy, kubelet, namespaces, network
from tests.cluster.layout import Node
from tests.cluster.node_images import all_images, archive_of


@dataclass(frozen=True)
class PreparedNode:
    """A node whose container runtime answers and holds the cluster's own images.

    Attributes:
        inside: Words before a command that make it run inside the node.
    """

    node: Node
    inside: list[str]


def prepare(node: Node) -> PreparedNode:
    """Everything of a node that needs no API server."""
    node.folder.mkdir(parents=True)
    prepared = power_on(node)
    for image in all_images():
        containerd.load(node, archive_of(image))
    return prepared


def power_on(node: Node) -> PreparedNode:
    """Start a node up to its container runtime, on the disk that it has."""
    cgroups.create(node)
    holder = namespaces.open_for(node)
    network.connect(node, holder)
    inside = namespaces.entering(holder)
    containerd.start(node, inside)
    return PreparedNode(node, inside)


def join(prepared: PreparedNode) -> list[subprocess.Popen[bytes]]:
    """Start what registers the node with the API server."""
    return [kubelet.start(prepared.node, prepared.inside), kube_proxy.start(prepared.node, prepared.inside)]


def await_healthy(prepared: PreparedNode, started: list[subprocess.Popen[bytes]]) -> None:
    """Wait for the health of what `join` started."""
    kubelet.await_healthy(prepared.node, started[0])
    kube_proxy.await_healthy(prepared.node, started[1])
