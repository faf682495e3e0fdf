"""Takes the cluster down, whole or half, and looks whether anything is left."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from rich.console import Console

from tests.cluster import cgroups, machine, network, processes
from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.layout import BRIDGE, FOLDER, HOST_ADDRESS, NODES, SERVICE_NETWORK
from tests.cluster.progress import Progress

PATIENCE_S = 60
"""How long the kernel may take to let go of processes, namespaces and mounts."""


def remove(console: Console) -> None:
    """Kill what runs, remove what was made, put back what was changed, and check.

    Raises:
        ClusterError: Something is left.
    """
    began = time.monotonic()
    if not left_over():
        console.print("No cluster is up.")
        return
    progress = Progress(console)
    with progress.step("processes"):
        _kill_everything()
    with progress.step("kernel settings, interfaces, cgroups"):
        machine.restore()
        network.remove()
        for node in NODES:
            _retry(partial(cgroups.remove, node))
    with progress.step("files"):
        _remove_files()
    if left := left_over():
        raise ClusterError(
            f"Left after {time.monotonic() - began:.0f} s: {'; '.join(left)}. Run `make cluster-down` again."
        )
    console.print(f"Cluster down in {time.monotonic() - began:.1f} s; nothing is left.", highlight=False)


def left_over() -> list[str]:
    """What of the cluster is on this machine: processes, mounts, interfaces, rules of iptables, cgroups, files."""
    interfaces = [name for name in (BRIDGE, *(node.interface for node in NODES)) if network.is_there(name)]
    running = [f"process {process.pid}" for process in processes.marked()]
    groups = [str(path) for node in NODES for path in cgroups.left_over(node)]
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    mounted = [f"mount {line.split()[4]}" for line in mounts if str(FOLDER) in line]
    return [*running, *mounted, *interfaces, *_rules(), *groups, *([str(FOLDER)] if FOLDER.exists() else [])]


def _remove_files() -> None:
    # Images lie unpacked on each node, some ten thousand files: rm is several times as fast as shutil, and never leaves
    # the disk that the folder is on, should a mount still be there.
    with contextlib.suppress(ClusterError):
        run(["rm", "--recursive", "--force", "--one-file-system", FOLDER])


def _rules() -> list[str]:
    # Nodes have rules in namespaces of their own; one here would have been made by mistake.
    saved = run(["iptables-save"]).splitlines() if shutil.which("iptables-save") else []
    ours = (HOST_ADDRESS, BRIDGE, SERVICE_NETWORK, *(node.pod_range for node in NODES))
    return [f"iptables rule {rule}" for rule in saved if rule.startswith("-A") and any(word in rule for word in ours)]


def _kill_everything() -> None:
    # Namespaces and the mounts in them go with their last process; nothing inside a node needs taking apart.
    def is_gone() -> bool:
        for process in processes.marked():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for node in NODES:
            cgroups.kill_all(node)
        return not any(True for _ in processes.marked())

    processes.await_condition("The cluster's processes end", is_gone, limit_s=PATIENCE_S)


def _retry(action: Callable[[], None]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            action()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(processes.POLL_S)
        else:
            return
