"""`bge-reranker model selfcheck`."""

from __future__ import annotations

import os
import sys

import click

from ...configuration import by_name, load_settings
from ..setting_options import given_flags, setting_options

_SHOWN_CHARACTERS = 40
"""Characters of a document in the table."""


@click.command()
@setting_options("model")
@click.pass_context
def selfcheck(context: click.Context, /, **_settings: object) -> None:
    """Compare a model's logits with those that the authors of bge-reranker-large published.

    Exit code 1 says that these are other weights, or that they are computed wrongly here.
    """
    effective = load_settings(None, os.environ, given_flags(context))
    from rich.console import Console  # noqa: PLC0415 - a wrong option answers at once
    from rich.table import Table  # noqa: PLC0415

    from ...model.checks.selfcheck import MODEL, run_selfcheck  # noqa: PLC0415
    from ...reranker import Reranker  # noqa: PLC0415

    with Reranker(**by_name(effective, "model")) as reranker:
        report = run_selfcheck(
            lambda pairs: [reranker.logits(query, [document])[0] for query, document in pairs], reranker.precision
        )
    table = Table("query", "document", "published", "here", "difference", "limit", "verdict")
    for row in report.rows:
        figures = (f"{row.pair.logit:.4f}", f"{row.logit:.4f}", f"{row.difference:.4f}", f"{row.tolerance:g}")
        verdict = "ok" if row.passed else "FAILED"
        table.add_row(row.pair.query, row.pair.document[:_SHOWN_CHARACTERS], *figures, verdict)
    console = Console()
    console.print(table)
    if not report.passed:
        console.print(f"These logits belong to {MODEL} only; any other model fails, however well it works.")
    sys.exit(0 if report.passed else 1)
