"""Commands that stand in documentation, run as they stand there but for names of places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.cluster.commands import run
from tests.cluster.tools import HELM, KUBERNETES
from tests.e2e.kubernetes import Cluster, Namespace

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "search"
"""What pages call the namespace."""


def documented(page: str, heading: str) -> list[str]:
    """The shell blocks below a heading, up to the next one."""
    blocks = list(_blocks(page, heading))
    assert blocks, f"{page} has no commands under {heading}"
    return blocks


def _blocks(page: str, heading: str) -> Iterator[str]:
    is_there = False
    block: list[str] | None = None
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        if block is None and line.startswith("#"):
            is_there = line.lstrip("#").strip() == heading
        elif block is None and line == "```sh":
            block = []
        elif block is not None and line == "```":
            if is_there:
                yield "\n".join(block)
            block = None
        elif block is not None:
            block.append(line)


def run_documented(block: str, namespace: Namespace, *, before: str = "", **replaced: str) -> str:
    """Run a block in this namespace of this cluster, with helm and kubectl as they were built here.

    Args:
        block: From `documented`.
        namespace: Where.
        before: Commands to run first, such as variables of an earlier block.
        replaced: Words of the block, and what stands there here.
    """
    for word, other in {f"-n {NAMESPACE} ": f"-n {namespace.name} ", **replaced}.items():
        assert word in block, f"no {word!r} in {block}"
        block = block.replace(word, other)
    return run_as_printed(f"{before}\n{block}", namespace.cluster)


def run_as_printed(block: str, cluster: Cluster, folder: Path = ROOT) -> str:
    """Run a block in this cluster, with helm and kubectl as they were built here."""
    programs = f'kubectl() {{ {KUBERNETES.program("kubectl")} --context={cluster.context} "$@"; }}\n'
    programs += f'helm() {{ {HELM.program()} --kube-context={cluster.context} "$@"; }}\n'
    return run(["bash", "-euo", "pipefail", "-c", f"{programs}{block}"], folder=folder, time_limit_s=600)
