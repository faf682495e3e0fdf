"""One node: namespaces, cable, cgroup, containerd, then kubelet and kube-proxy."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from tests.cluster import cgroups, containerd, kube_proxy, kubelet, namespaces, network
from tests.cluster.layout import NodePlace
from tests.cluster.node_images import all_images, archive_of


@dataclass(frozen=True)
class PreparedNode:
    """A node whose container runtime answers and holds the cluster's own images.

    Attributes:
        inside: Words before a command that make it run inside the node.
    """

    place: NodePlace
    inside: list[str]


def prepare(place: NodePlace) -> PreparedNode:
    """Everything of a node that needs no API server."""
    place.folder.mkdir(parents=True)
    cgroups.create(place)
    holder = namespaces.open_for(place)
    network.connect(place, holder)
    inside = namespaces.entering(holder)
    containerd.start(place, inside)
    for image in all_images():
        containerd.load(place, archive_of(image))
    return PreparedNode(place, inside)


def join(node: PreparedNode) -> list[subprocess.Popen[bytes]]:
    """Start what registers the node with the API server."""
    return [kubelet.start(node.place, node.inside), kube_proxy.start(node.place, node.inside)]


def await_healthy(node: PreparedNode, started: list[subprocess.Popen[bytes]]) -> None:
    """Wait for the health of what `join` started."""
    kubelet.await_healthy(node.place, started[0])
    kube_proxy.await_healthy(node.place, started[1])
