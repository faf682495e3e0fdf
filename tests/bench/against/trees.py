"""Another commit's tree beside this one, and servers of either: the same .venv serves both."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.bench.processes import BenchServer, address_of

ROOT = Path(__file__).resolve().parents[3]
"""Top of this tree."""

_PACKAGE = Path("service") / "src"
_STOP_S = 120.0
_PROGRAM = "import bge_reranker; print(bge_reranker.__file__)"


def commit_of(ref: str) -> str | None:
    """The commit that a branch, tag or abbreviation names; None where there is none."""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def is_changed() -> bool:
    """Whether this tree has changes that are in no commit, what is measured apart."""
    return bool(_git("status", "--porcelain", "--", ".", ":!docs/measurements").strip())


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Check a commit out into a worktree that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="bge-reranker-against-") as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


@contextmanager
def tree_server(tree: Path, model: str, deadline_s: float) -> Iterator[BenchServer]:
    """Serve a model with a tree's own package until the block ends.

    Args:
        tree: Top of the tree.
        model: `demo` or a folder.
        deadline_s: Of a request.

    Raises:
        RuntimeError: If the tree's package is not what would be run.
    """
    environment = os.environ | {"PYTHONPATH": str(tree / _PACKAGE)}
    _check_package(tree, environment)
    flags = {
        "model": model,
        "host": "127.0.0.1",
        "port": 0,
        "management-port": 0,
        "drain-delay-s": 0,
        "log-level": "warning",
        "deadline-s": deadline_s,
        "max-queue-tokens": 100_000_000,
    }
    command = [sys.executable, "-m", "bge_reranker", "serve", *(f"--{name}={value}" for name, value in flags.items())]
    with subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield BenchServer(address_of(process), psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(_STOP_S)


def _check_package(tree: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", _PROGRAM]
    answer = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=True)
    if not Path(answer.stdout.strip()).is_relative_to(tree / _PACKAGE):
        raise RuntimeError(f"{tree} would be served by {answer.stdout.strip()}, which is not its own")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
