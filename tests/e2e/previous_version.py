"""An earlier version of this tree, built as it was: images under names of their own, the chart from its checkout."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.commands import run
from tests.cluster.failures import ClusterError

ROOT = Path(__file__).resolve().parents[2]
IMAGES = {
    "service-cpu": "localhost/bge-reranker:previous-cpu",
    "operator": "localhost/bge-reranker-operator:previous",
}
BUILD_LIMIT_S = 3600


@dataclass(frozen=True)
class PreviousVersion:
    """A checkout of it, and what was built there.

    Attributes:
        revision: As it was asked for.
        tree: The checkout; gone when the proof ends.
    """

    revision: str
    tree: Path

    @property
    def commit(self) -> str:
        return run(["git", "rev-parse", "--short", "HEAD"], folder=self.tree).strip()

    @property
    def chart(self) -> Path:
        return self.tree / "charts" / "bge-reranker"


def revision_before(head: str = "HEAD", tree: Path = ROOT) -> str:
    """The tag of the last version before a commit.

    Raises:
        ClusterError: There is none.
    """
    listed = ["git", "tag", "--list", "v[0-9]*", "--merged", head, "--no-contains", head, "--sort=-version:refname"]
    if not (found := run(listed, folder=tree).split()):
        here = run(["git", "tag", "--points-at", head], folder=tree).split()
        known = f"the only tag is {here[0]}, this commit itself" if here else "no tag like v0.1.0 is an ancestor of it"
        raise ClusterError(
            f"There is no version before this one to upgrade from: {known}. Name a commit instead: "
            "make e2e-long NAME=upgrade ARGS='--from HEAD~20'."
        )
    return found[0]


def known_revision(revision: str, tree: Path = ROOT) -> str:
    """A commit by whatever name it was asked for.

    Raises:
        ClusterError: There is none of that name.
    """
    try:
        return run(["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], folder=tree).strip()
    except ClusterError as error:
        raise ClusterError(f"--from is {revision}, which is no commit of this repository.") from error


@contextmanager
def previous_version(revision: str, tree: Path = ROOT) -> Iterator[PreviousVersion]:
    """Check it out beside the tree and build its images with its own tools."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="bge-reranker-previous-") as parent:
        folder = Path(parent) / "tree"
        run(["git", "worktree", "add", "--quiet", "--detach", folder, revision], folder=tree)
        try:
            _build(folder)
            yield PreviousVersion(revision, folder)
        finally:
            run(["git", "worktree", "remove", "--force", folder], folder=tree)


def _build(folder: Path) -> None:
    # Without what the outer make was told: its variables would be the inner one's, too.
    run(["make", "setup", "helm"], folder=folder, environment={"MAKEFLAGS": ""}, time_limit_s=BUILD_LIMIT_S)
    python = folder / ".venv" / "bin" / "python"
    asked = "from tests.cluster.tools import HELM; print(HELM.program())"
    (folder / "build").mkdir(exist_ok=True)
    shutil.copy(run([python, "-c", asked], folder=folder).strip(), folder / "build" / "helm")
    for target, name in IMAGES.items():
        run(
            [python, "-m", "images", target, "--tag", name],
            folder=folder,
            environment={"PYTHONPATH": "tools"},
            time_limit_s=BUILD_LIMIT_S,
        )
