"""`python -m tests.clients`: ask every client library, print a table, exit 1 on any difference."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click
import structlog
from rich.console import Console
from rich.table import Table

from tests.live.server import live_server

from .environments import CACHE
from .full_server import full_server
from .outcome import RESULTS, Outcome, read_results, write_results
from .running import all_outcomes
from .table import SERVER_FLAGS, WINDOW_TOKENS


@click.command()
@click.option("--update-golden", is_flag=True, help="Write what came of each row into results.json, for review.")
@click.option(
    "--cache", type=click.Path(path_type=Path), default=CACHE, show_default=True, help="Where environments are kept."
)
def main(*, update_golden: bool, cache: Path) -> None:
    """Ask every client library and compare with the reviewed outcomes."""
    # One line per request would drown the table.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with (
        tempfile.TemporaryDirectory() as folder,
        live_server(Path(folder), SERVER_FLAGS, WINDOW_TOKENS) as server,
        full_server(Path(folder)) as full,
    ):
        outcomes = all_outcomes(server.url, full.url, cache)
    reviewed = read_results() if RESULTS.exists() else {}
    Console(width=None if sys.stdout.isatty() else 200).print(table_of(outcomes, reviewed))
    if update_golden:
        write_results(outcomes)
    sys.exit(0 if update_golden or outcomes == reviewed else 1)


def table_of(outcomes: Mapping[str, Outcome], reviewed: Mapping[str, Outcome]) -> Table:
    """One line per row."""
    table = Table(title="Client libraries against a live server")
    for column in ("row", "version", "ranking", "an error", "a full queue", "as reviewed"):
        table.add_column(column, overflow="fold")
    for key, outcome in outcomes.items():
        same = "yes" if reviewed.get(key) == outcome else "NO"
        table.add_row(key, outcome.version, outcome.ranking, outcome.error, outcome.overload, same)
    return table


if __name__ == "__main__":
    main()
