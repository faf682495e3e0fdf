"""A checkout beside the tree, in which a release is made: the tree stays as it is until everything is verified."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from generate.version import SOURCE, version_of

from .changelog import cut, section

CHANGELOG = "CHANGELOG.md"


@dataclass(frozen=True)
class Checkout:
    """A worktree of git, on no branch."""

    folder: Path

    @property
    def commit(self) -> str:
        """What is checked out."""
        return git(self.folder, "rev-parse", "HEAD")

    def notes(self, version: str) -> str:
        """What the changelog says about a version."""
        return section((self.folder / CHANGELOG).read_text(encoding="utf-8"), version)

    def become(self, version: str, day: dt.date) -> None:
        """Make the commit of a release: the version, what is generated from it, and the changelog's section."""
        changelog = self.folder / CHANGELOG
        changelog.write_text(cut(changelog.read_text(encoding="utf-8"), version, day), encoding="utf-8")
        before = version_of(self.folder)
        if before != version:
            source = self.folder / SOURCE
            text = source.read_text(encoding="utf-8")
            line = f'version = "{before}"\n'
            source.write_text(text.replace(line, f'version = "{version}"\n', 1), encoding="utf-8")
            self.python("generate")
            self.python("generate.manifests")
        message = ("-m", f"Release {version}", "-m", "Made by `make release`; CHANGELOG.md says what is in it.")
        # The hooks of the tree need its environment, which a checkout has not.
        git(self.folder, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--all", *message)

    def send_to(self, registry: str) -> None:
        """Have the chart, and what is generated from it, name the images of a registry; no commit has this."""
        for path in (self.folder / "charts/bge-reranker/values.yaml", *(self.folder / "manifests").rglob("*.yaml")):
            path.write_text(addressed(path.read_text(encoding="utf-8"), registry), encoding="utf-8")

    def python(self, module: str, *arguments: str) -> None:
        """Run one of the checkout's own programs with this environment.

        Raises:
            click.ClickException: It failed; what it said stands above.
        """
        rooms = ("tools", "service/src", "operator/src", ".")
        path = os.pathsep.join(str(self.folder / room) for room in rooms)
        command = [sys.executable, "-m", module, *arguments]
        environment = {**os.environ, "PYTHONPATH": path}
        if subprocess.run(command, cwd=self.folder, env=environment, check=False).returncode != 0:
            raise click.ClickException(f"`python -m {' '.join([module, *arguments])}` failed; it says why above.")


@contextmanager
def checkout(tree: Path, revision: str) -> Iterator[Checkout]:
    """Check a revision of a tree out beside it; gone afterwards, what was committed there is not."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="bge-reranker-") as parent:
        folder = Path(parent) / "tree"
        # Images keep these modes, and are read by another user than whoever makes them.
        git(tree, "worktree", "add", "--quiet", "--detach", str(folder), revision, umask=0o022)
        try:
            yield Checkout(folder)
        finally:
            git(tree, "worktree", "remove", "--force", str(folder))


def addressed(text: str, registry: str) -> str:
    """A text with the registry in the place of the machine's own, where images are named."""
    return text.replace("localhost/bge-reranker", f"{registry}/bge-reranker").replace(
        "\n  registry: localhost\n", f"\n  registry: {registry}\n"
    )


def git(tree: Path, *arguments: str, umask: int = -1) -> str:
    """What a command of git says in a tree."""
    done = subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True, check=False, umask=umask)
    if done.returncode != 0:
        raise click.ClickException(f"`git {arguments[0]}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def finish(tree: Path, commit: str, tag: str, notes: Sequence[str]) -> str:
    """Tag a release's commit and take it into the branch that is checked out; gives what there is to say about it."""
    message = [word for line in notes for word in ("-m", line)]
    git(tree, "tag", "--annotate", "--cleanup=verbatim", tag, commit, *message)
    try:
        git(tree, "merge", "--ff-only", "--quiet", commit)
    except click.ClickException as error:
        return f"{tag} is the commit {commit}. The branch has moved meanwhile: `git merge {tag}`. ({error.message})"
    return f"{tag} is the commit {commit}; neither was pushed: `git push origin HEAD {tag}`."
