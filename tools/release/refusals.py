"""What has to hold before a release is begun; each refusal is a sentence with its remedy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_REGISTRY = re.compile(r"[a-zA-Z0-9.\-\[\]:]+(/[a-z0-9._-]+)*")
PASSWORD = "COSIGN_PASSWORD"  # noqa: S105 - a variable's name


def version_is_fit(version: str, current: str) -> None:
    """Refuse what is no version, or an older one than the tree has.

    Raises:
        click.ClickException: Why it cannot be released.
    """
    if not _VERSION.fullmatch(version):
        raise click.ClickException(
            f"VERSION is {version!r}: it must be MAJOR.MINOR.PATCH as in semver, such as {current}, and no more."
        )
    if _numbers(version) < _numbers(current):
        raise click.ClickException(
            f"VERSION is {version}, and this tree is at {current}: name that one or a later one."
        )


def registry_is_fit(registry: str) -> None:
    """Refuse what is no address of a registry.

    Raises:
        click.ClickException: What it should be.
    """
    if not _REGISTRY.fullmatch(registry):
        raise click.ClickException(
            f"REGISTRY is {registry!r}: it must be HOST[:PORT][/PATH] in lower case, such as registry.example/search, "
            "without a scheme or a slash at its end."
        )


def tree_is_ready(tree: Path, tag: str) -> None:
    """Refuse a tree with changes that no commit has, or with the tag.

    Raises:
        click.ClickException: What is in the way.
    """
    if changed := _git(tree, "status", "--porcelain").splitlines():
        raise click.ClickException(
            f"The tree has changes that no commit has, as of {changed[0][3:]} ({len(changed)} in all): a release is a "
            "commit. Commit or stash them."
        )
    if _git(tree, "tag", "--list", tag):
        raise click.ClickException(f"The tag {tag} exists: name another VERSION, or delete a tag that nobody has seen.")


def key_is_there(key: str, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a key file that is missing, or has no password beside it; a key of a KMS needs neither.

    Raises:
        click.ClickException: How to get it.
    """
    if "://" in key:
        return
    if not Path(key).is_file():
        raise click.ClickException(
            f"KEY is {key!r}, which is no file: name the private key that signs, KEY=cosign.key. "
            "`cosign generate-key-pair` makes one (docs/release.md); keep it outside of the tree."
        )
    if PASSWORD not in environment:
        raise click.ClickException(
            f"{PASSWORD} is not set: it is the password of {key}; set it to nothing if the key has none."
        )


def disk_has_room(folder: Path, wanted_bytes: int, what: str) -> None:
    """Refuse what would end on a full disk.

    Raises:
        click.ClickException: How much room is missing.
    """
    free = shutil.disk_usage(folder).free
    if free < wanted_bytes:
        raise click.ClickException(
            f"The disk of {folder} has {free / 1e9:.1f} GB free, and {what} needs {wanted_bytes / 1e9:.0f}: make room, "
            "for example by `buildah rmi --prune`, `docker system prune` or `make clean`."
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _git(tree: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True, check=True).stdout.rstrip()
