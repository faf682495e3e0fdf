"""`bge-reranker doctor`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..configuration import load_settings
from ..errors import SettingsError
from .setting_options import given_flags, setting_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..doctor.finding import Finding

NAMES = (
    *("gpu", "processor", "memory", "limits", "kernel", "packages", "cache", "model", "ports", "source", "redis"),
    *("guard", "tls"),
)
"""What can be looked at alone."""


@click.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration file, as for `serve`.",
)
@click.option("--check", "checks", multiple=True, type=click.Choice(NAMES), help="Look at this only; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--only-red", is_flag=True, help="End with 0 also where something is yellow.")
@setting_options()
@click.pass_context
def doctor(
    context: click.Context,
    /,
    config_file: Path | None,
    *,
    checks: tuple[str, ...],
    as_json: bool,
    only_red: bool,
    **_settings: object,
) -> None:
    """Look at this machine as the server would find it, and say what is wrong and what to do.

    Takes the settings of `serve`, from the same places. Ends with 0 if all is green, 1 if something is yellow (it
    works, but not as well as it could), and 2 if something is red (it will not work). Nothing is changed or fetched.
    """
    from ..doctor.examination import examine  # noqa: PLC0415 - other commands start without it
    from ..doctor.finding import Verdict, red, worst  # noqa: PLC0415
    from ..doctor.subject import Subject  # noqa: PLC0415

    try:
        effective = load_settings(config_file, os.environ, given_flags(context))
    except SettingsError as error:
        # Nothing can be looked at as the server would find it.
        findings = [red("settings", error.message.rstrip("."), error.remedy or "Correct the setting.")]
    else:
        findings = list(examine(Subject(effective, os.environ), checks))
    verdict = worst(findings)
    if as_json:
        click.echo(
            json.dumps({"verdict": verdict.word, "checks": [finding.as_json() for finding in findings]}, indent=1)
        )
    else:
        _print_table(findings)
    if verdict == Verdict.RED or not only_red:
        sys.exit(verdict)


def _print_table(findings: Sequence[Finding]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only people's output needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("check", "verdict", "found", "remedy", box=None)
    for finding in findings:
        table.add_row(
            finding.check,
            Text(finding.verdict.word, style=finding.verdict.word),
            Text(finding.found),
            Text(finding.remedy),
        )
    Console().print(table)
