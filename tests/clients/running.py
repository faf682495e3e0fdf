"""Asking every row: rows that share an environment and its variables are asked by one run of one driver.

A row that is pointed by a variable has a run of its own: some clients read theirs at import, and no other row may be
pointed by it unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .client_row import ClientRow
from .environments import CACHE, ask, environment_python, locked_version
from .outcome import Outcome, judge
from .table import ROWS


def runs() -> dict[str, list[ClientRow]]:
    """The rows of each run, by a name for the run."""
    grouped: dict[str, list[ClientRow]] = {}
    for row in ROWS:
        grouped.setdefault("-with-".join([row.environment, *row.variables]), []).append(row)
    return grouped


def all_outcomes(server: str, full_server: str, cache: Path = CACHE) -> dict[str, Outcome]:
    """Ask every row, the runs side by side: each of them waits more than it computes.

    Raises:
        subprocess.CalledProcessError: If an environment cannot be made, or a driver itself fails.
    """
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(outcomes_of, rows, server, full_server, cache) for rows in runs().values()]
    outcomes = {key: outcome for run in asked for key, outcome in run.result().items()}
    return {row.key: outcomes[row.key] for row in ROWS}


def outcomes_of(rows: Sequence[ClientRow], server: str, full_server: str, cache: Path = CACHE) -> dict[str, Outcome]:
    """Ask the rows of one run, making their environment if need be.

    Raises:
        subprocess.CalledProcessError: If the environment cannot be made, or the driver itself fails.
    """
    answers = ask(environment_python(rows[0].environment, cache), rows, server, full_server)
    return {row.key: judge(row, answers[row.key], locked_version(row.environment, row.package)) for row in rows}
