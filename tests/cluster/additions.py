"""What the cluster has on request: `make cluster-up WITH="crds redis"`, or `make cluster-add` where one is up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from tests.cluster import (
    containerd,
    crds,
    keda,
    kwok,
    preconditions,
    prometheus,
    prometheus_adapter,
    prometheus_operator,
    redis,
)
from tests.cluster.addition import Addition
from tests.cluster.building import build_tools
from tests.cluster.failures import ClusterError
from tests.cluster.layout import FOLDER, KUBECONFIG, NODES
from tests.cluster.node_images import archive_of
from tests.cluster.progress import Progress

ADDITIONS = {
    "crds": crds.ADDITION,
    "prometheus": prometheus.ADDITION,
    "prometheus-operator": prometheus_operator.ADDITION,
    "adapter": prometheus_adapter.ADDITION,
    "keda": keda.ADDITION,
    "redis": redis.ADDITION,
    "kwok": kwok.ADDITION,
}
"""In the order in which they are started: adapter and KEDA ask Prometheus, either Debian's or the operator's."""

TOOLS = tuple(tool for addition in ADDITIONS.values() for tool in addition.tools)
"""What they need that is made from source."""


def check(names: Sequence[str], find: Callable[[str], str | None]) -> None:
    """Look whether the machine has what they need.

    Raises:
        ClusterError: A program is missing, or Go where something is to be built.
    """
    chosen = _chosen(names)
    needed = {program: package for addition in chosen for program, package in addition.programs.items()}
    preconditions.programs_are_there(find, needed)
    preconditions.go_is_there(find, builds=sum(not tool.is_built for addition in chosen for tool in addition.tools))


def build(names: Sequence[str], console: Console) -> None:
    """Build what they need from source."""
    build_tools(console, [tool for addition in _chosen(names) for tool in addition.tools])


def start(names: Sequence[str], progress: Progress) -> None:
    """Start them on a cluster that is up, one after the other; what it has already is left as it is."""
    for name, addition in ADDITIONS.items():
        started = FOLDER / f"has-{name}"
        if name in names and not started.exists():
            with progress.step(name):
                for image in addition.images():
                    for node in NODES:
                        containerd.load(node, archive_of(image))
                addition.start()
            started.touch()


def add(names: Sequence[str], find: Callable[[str], str | None], console: Console) -> None:
    """Give them to the cluster that is up; what it has already stays.

    Raises:
        ClusterError: No cluster is up, or something is missing.
    """
    if not KUBECONFIG.exists():
        raise ClusterError("No cluster is up: run `make cluster-up` first.")
    if not names:
        return
    check(names, find)
    build(names, console)
    progress = Progress(console)
    start(names, progress)
    progress.close(f"Added {', '.join(names)}")


def _chosen(names: Sequence[str]) -> list[Addition]:
    return [ADDITIONS[name] for name in names]
