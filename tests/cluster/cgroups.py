"""A cgroup per node, in every hierarchy there is: version 1, hybrid or version 2."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.cluster.layout import Node

ROOT = Path("/sys/fs/cgroup")


def is_version_2(root: Path = ROOT) -> bool:
    """Whether the unified hierarchy is the only one."""
    return (root / "cgroup.controllers").exists()


def hierarchies(root: Path = ROOT) -> list[Path]:
    """The top of each hierarchy that is mounted."""
    if is_version_2(root):
        return [root]
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())


def create(node: Node, root: Path = ROOT) -> None:
    """Make the node's cgroup, with leave to use every CPU and every controller."""
    if is_version_2(root):
        wanted = (root / "cgroup.controllers").read_text(encoding="ascii").split()
        _enable(root, wanted)
    for hierarchy in hierarchies(root):
        folder = hierarchy / node.name
        folder.mkdir(exist_ok=True)
        if is_version_2(root):
            _enable(folder, (folder / "cgroup.controllers").read_text(encoding="ascii").split())
        elif (hierarchy / "cpuset.cpus").exists():
            # Version 1 gives a new cpuset no CPU at all.
            for name in ("cpuset.cpus", "cpuset.mems"):
                (folder / name).write_text((hierarchy / name).read_text(encoding="ascii"), encoding="ascii")


def kill_all(node: Node, root: Path = ROOT) -> None:
    """Kill whatever runs in the node's cgroup: the processes of its pods."""
    for hierarchy in hierarchies(root):
        # Folders go while one looks, with the last of their processes.
        with contextlib.suppress(FileNotFoundError):
            for processes in (hierarchy / node.name).rglob("cgroup.procs"):
                for process in _numbers(processes):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)


def remove(node: Node, root: Path = ROOT) -> None:
    """Remove the node's cgroup, deepest folders first.

    Raises:
        OSError: A process is still in it.
    """
    for hierarchy in hierarchies(root):
        for folder in sorted(_folders(hierarchy / node.name), key=lambda path: len(path.parts), reverse=True):
            folder.rmdir()


def left_over(node: Node, root: Path = ROOT) -> list[Path]:
    """The node's cgroups that are still there."""
    return [hierarchy / node.name for hierarchy in hierarchies(root) if (hierarchy / node.name).exists()]


def _folders(top: Path) -> Iterator[Path]:
    if top.exists():
        yield top
        yield from (path for path in top.rglob("*") if path.is_dir())


def _numbers(path: Path) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in path.read_text(encoding="ascii").split()]
    return []


def _enable(folder: Path, controllers: list[str]) -> None:
    for controller in controllers:
        # Some controllers cannot be handed down while threads use them; kubelet says what it misses.
        with contextlib.suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")
