"""A node's network and mount namespaces, held open by a process that does nothing else.

Paths that containerd, kubelet and the CNI library have fixed are the node's own in there, so two nodes do not meet in
them, and mounts vanish with the last process of the node.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.cluster import processes
from tests.cluster.layout import Node

PRIVATE_PATHS = (
    "/run/containerd",
    "/run/netns",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
    "/run/xtables.lock",
)
"""Folders, and one file, that those programs use wherever they run."""


def open_for(node: Node) -> int:
    """Make both namespaces; gives the process that holds them open."""
    ready = node.folder / "namespaces-ready"
    ready.unlink(missing_ok=True)
    lines = ["set -e"]
    for path in PRIVATE_PATHS:
        own = private(node, path)
        is_file = path.endswith(".lock")
        _prepare(own, is_file=is_file)
        lines.append(f"mount --bind {shlex.quote(str(own))} {path}")
    # Volumes may ask for mounts to come through, which needs a shared parent; shared within the node, that is.
    lines += ["mount --make-rshared /", f"touch {shlex.quote(str(ready))}", "exec sleep infinity"]
    name = f"{node.name}-namespaces"
    command = ["unshare", "--net", "--mount", "--propagation", "private", "bash", "-c", "\n".join(lines)]
    holder = processes.start(name, command)
    processes.await_healthy(name, holder, ready.exists, limit_s=20)
    return holder.pid


def entering(holder: int) -> list[str]:
    """Words before a command that make it run inside the node."""
    return ["nsenter", f"--net=/proc/{holder}/ns/net", f"--mount=/proc/{holder}/ns/mnt"]


def private(node: Node, path: str) -> Path:
    """Where a node keeps its own of `PRIVATE_PATHS`."""
    return node.folder / path.lstrip("/").replace("/", "-")


def _prepare(own: Path, *, is_file: bool) -> None:
    if is_file:
        own.touch()
    else:
        own.mkdir(parents=True, exist_ok=True)
