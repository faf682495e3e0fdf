"""CHANGELOG.md at a release: what is unreleased becomes the section of a version."""

from __future__ import annotations

import datetime as dt
import re

import click

HEADING = "## [Unreleased]"


def cut(text: str, version: str, day: dt.date) -> str:
    """The changelog with its unreleased lines under a version, and room for new ones above.

    Raises:
        click.ClickException: There is no such section, or nothing in it, or the version has a section already.
    """
    if re.search(rf"^## \[{re.escape(version)}\]", text, re.MULTILINE):
        raise click.ClickException(f"CHANGELOG.md has a section of {version} already: name another version.")
    if not section(text, "Unreleased"):
        raise click.ClickException(
            f"CHANGELOG.md has no lines under `{HEADING}`: say there what is new for users, and commit it."
        )
    before, _, after = text.partition(f"{HEADING}\n")
    return f"{before}{HEADING}\n\n## [{version}] - {day.isoformat()}\n{after}"


def section(text: str, name: str) -> str:
    """What stands under a version's heading, without it; empty where there is none."""
    found = re.search(rf"^## \[{re.escape(name)}\][^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""
