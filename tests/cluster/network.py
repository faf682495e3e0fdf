"""The bridge between this machine and its nodes. Nodes have network namespaces of their own: no rule of iptables, no
address and no route inside them is this machine's."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.layout import BRIDGE, HOST_ADDRESS, NODES, Node


def add_bridge() -> None:
    """Make the bridge, with this machine's address on it and routes to the nodes' pods."""
    _ip("link", "add", BRIDGE, "type", "bridge")
    _ip("address", "add", f"{HOST_ADDRESS}/24", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    for node in NODES:
        _ip("route", "add", node.pod_range, "via", node.address, "dev", BRIDGE)


def connect(node: Node, holder: int) -> None:
    """Lay a cable from the bridge into the node's network namespace, which a process holds open."""
    far_end = f"{node.interface}-far"[-15:]
    _ip("link", "add", node.interface, "type", "veth", "peer", "name", far_end)
    _ip("link", "set", node.interface, "master", BRIDGE, "up")
    _ip("link", "set", far_end, "netns", str(holder))
    inside = ["nsenter", f"--net=/proc/{holder}/ns/net"]
    for arguments in (
        f"link set {far_end} name eth0",
        "link set lo up",
        f"address add {node.address}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {HOST_ADDRESS}",
        *(f"route add {other.pod_range} via {other.address}" for other in NODES if other is not node),
    ):
        run([*inside, "ip", *arguments.split()])
    run([*inside, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"])


def cut(node: Node) -> None:
    """Take the node off the network, as a machine that has died is."""
    _ip("link", "set", node.interface, "down")


def mend(node: Node) -> None:
    """Let a node that was cut off back in."""
    _ip("link", "set", node.interface, "up")


def is_there(interface: str) -> bool:
    return (Path("/sys/class/net") / interface).exists()


def remove() -> None:
    """Remove the cables and the bridge, if they are there; routes go with them."""
    for interface in (*(node.interface for node in NODES), BRIDGE):
        try:
            if is_there(interface):
                _ip("link", "delete", interface)
        except ClusterError:
            # A cable goes by itself with the namespace at its other end, which may be this moment.
            if is_there(interface):
                raise


def _ip(*arguments: str) -> None:
    run(["ip", *arguments])
