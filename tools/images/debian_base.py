"""A base image from Debian's packages, for machines that can pull none."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import click

from .container_tool import ContainerTool

SUITE = "bookworm"
"""The Debian release; its Python is 3.11."""

NAME = f"localhost/bge-reranker-base:{SUITE}"

_USELESS = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
)
"""Folders that no program reads at run time; licences under usr/share/doc are kept."""

_DOCKERFILE = "FROM scratch\nADD root.tar /\n"


def ensure_base(tool: ContainerTool) -> str:
    """Build the base image if the tool's store has none; gives its name.

    Raises:
        click.ClickException: debootstrap is missing or failed.
    """
    if tool.has(NAME):
        return NAME
    if shutil.which("debootstrap") is None:
        raise click.ClickException(
            "The base image cannot be pulled. Build one: apt-get install debootstrap, then again."
        )
    click.echo(f"Building {NAME} from Debian's packages, once.")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        context = Path(folder)
        root = context / "root"
        _call("debootstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", SUITE, str(root))
        _strip(root)
        _call(
            "tar",
            "--create",
            "--numeric-owner",
            "--sort=name",
            "--file",
            str(context / "root.tar"),
            "--directory",
            str(root),
            ".",
        )
        shutil.rmtree(root)
        (context / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
        tool.build(NAME, context, context / "Dockerfile", target="", arguments={})
    return NAME


def _strip(root: Path) -> None:
    for name in _USELESS:
        for path in sorted((root / name).rglob("*"), reverse=True):
            if path.name == "copyright":
                continue
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            else:
                path.unlink()


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise click.ClickException(f"`{command[0]}` failed:\n{(done.stdout + done.stderr)[-2000:]}")
