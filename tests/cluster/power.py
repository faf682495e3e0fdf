"""A node that loses its power, and one that gets it back.

Its disk stays as it was. Its processes, those of its pods, their mounts and everything below /run are gone.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.cluster import cgroups, kube_router, kubectl, network, node, processes
from tests.cluster.layout import Node
from tests.cluster.namespaces import PRIVATE_PATHS, entering, private

PATIENCE_S = 60


def inside(place: Node) -> list[str]:
    """Words before a command that make it run inside a node that is up."""
    flag = f"--hostname-override={place.name}"
    kubelets = (each.pid for each in processes.marked() if flag in each.cmdline() and "kubelet" in each.cmdline()[0])
    return entering(next(kubelets))


def off(place: Node) -> None:
    """End a node at once.

    Raises:
        ClusterError: Something of it is left.
    """
    mounts = Path(inside(place)[2].partition("=")[2]).readlink()

    def is_off() -> bool:
        cgroups.kill_all(place)
        for process in _inside(mounts):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return not any(True for _ in _inside(mounts)) and not network.is_there(place.interface)

    processes.await_condition(f"{place.name} goes down", is_off, limit_s=PATIENCE_S)
    processes.await_condition(f"{place.name}'s cgroups go", lambda: _without_cgroups(place), limit_s=PATIENCE_S)
    for path in PRIVATE_PATHS:
        if path.startswith("/run/") and private(place, path).is_dir():
            shutil.rmtree(private(place, path))


def on(*places: Node) -> None:
    """Start nodes that are off, and wait until they are ready.

    Raises:
        ClusterError: One does not come up.
    """
    for place in places:
        prepared = node.power_on(place)
        node.await_healthy(prepared, node.join(prepared))
        kube_router.await_healthy(place, kube_router.start(place, prepared.inside))
    for place in places:
        kubectl.kubectl("wait", f"node/{place.name}", "--for=condition=Ready", f"--timeout={PATIENCE_S}s")


def _inside(mounts: Path) -> Iterator[psutil.Process]:
    """The processes in a mount namespace; those of pods have their own."""
    for process in processes.marked():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process.pid}/ns/mnt").readlink() == mounts:
                yield process


def _without_cgroups(place: Node) -> bool:
    cgroups.kill_all(place)
    try:
        cgroups.remove(place)
    except OSError:
        return False
    return True
