"""Asking every row: rows that share an environment and its variables are asked by one run of one driver."""

from __future__ import annotations

from collections.abc import Sequence

from .client_row import ClientRow
from .environments import ask, locked_version, python_of
from .outcome import Outcome, judge
from .table import ROWS


def runs() -> dict[str, list[ClientRow]]:
    """The rows of each run, by a name for the run."""
    grouped: dict[str, list[ClientRow]] = {}
    for row in ROWS:
        grouped.setdefault("-with-".join([row.environment, *row.variables]), []).append(row)
    return grouped


def outcomes_of(rows: Sequence[ClientRow], server: str, full_server: str) -> dict[str, Outcome]:
    """Ask the rows of one run, making their environment if need be.

    Raises:
        subprocess.CalledProcessError: If the environment cannot be made, or the driver itself fails.
    """
    answers = ask(python_of(rows[0].environment), rows, server, full_server)
    return {row.key: judge(row, answers[row.key], locked_version(row.environment, row.package)) for row in rows}
