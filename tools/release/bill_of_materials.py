"""What an image holds, by syft: packages of Debian and of Python, and the modules of helm, which is a Go program."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tests.cluster.commands import run
from tests.cluster.tools import SYFT

SCAN_LIMIT_S = 1800
_KINDS = {"deb": "packages of Debian", "pypi": "packages of Python"}
"""Each image has some of both."""


def list_contents(layout: Path, name: str, version: str, to: Path) -> dict[str, int]:
    """Write the bill of materials of an image, in CycloneDX's format; gives how many of each kind it has.

    Raises:
        click.ClickException: It lacks a kind that every image has.
    """
    options = ("--quiet", f"--source-name={name}", f"--source-version={version}", f"--output=cyclonedx-json={to}")
    # Single files are the packages' own; listing them makes it ten times as large.
    settings = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_FILE_METADATA_SELECTION": "none"}
    run([SYFT.program(), "scan", f"oci-dir:{layout}", *options], environment=settings, time_limit_s=SCAN_LIMIT_S)
    return counted(to, name)


def counted(file: Path, name: str) -> dict[str, int]:
    """How many components of each kind a bill of materials has.

    Raises:
        click.ClickException: It lacks a kind that every image has.
    """
    components = json.loads(file.read_text(encoding="utf-8"))["components"]
    kinds = [each["purl"].partition(":")[2].partition("/")[0] for each in components if "purl" in each]
    found = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
    for kind, what in _KINDS.items():
        if not found.get(kind):
            raise click.ClickException(f"The bill of materials of {name} lists no {what}: it would be a wrong one.")
    return found
