"""The tables of docs/clients.md, from the rows that the tests ask and the outcomes that were reviewed."""

from __future__ import annotations

from pathlib import Path

from tests.clients.client_row import ClientRow
from tests.clients.environments import locked_version
from tests.clients.outcome import Outcome, read_results
from tests.clients.table import FIXED, ROWS

from .marked_section import replace_section

_COLUMNS = ("library", "speaks", "point it here", "verdict", "an error shows as", "a full queue shows as")
_FIXED_COLUMNS = ("library", "client", "why")


def clients_page(page: Path) -> str:
    """The page with its tables as they should be."""
    text = page.read_text(encoding="utf-8")
    text = replace_section(text, "clients", matrix(read_results()))
    return replace_section(text, "fixed clients", fixed_clients())


def matrix(results: dict[str, Outcome]) -> str:
    """One line per client library."""
    return "\n".join([_head(_COLUMNS), *(_line(row, results[row.key]) for row in ROWS if row.key in results)])


def fixed_clients() -> str:
    """One line per client library that cannot be pointed anywhere."""
    lines = (
        f"| {client.package} {locked_version(client.environment, client.package)} | `{client.client}` "
        f"| not configurable: {client.reason} |"
        for client in FIXED
    )
    return "\n".join([_head(_FIXED_COLUMNS), *lines])


def _head(columns: tuple[str, ...]) -> str:
    return f"{_joined(columns)}\n{_joined(('---',) * len(columns))}"


def _line(row: ClientRow, outcome: Outcome) -> str:
    library = f"{row.package} {outcome.version}"
    verdict = "works" if outcome.works else outcome.ranking
    remarks = f"{verdict}. {row.limit}" if row.limit else verdict
    return _joined((library, row.family, f"`{row.pointing()}`", remarks, outcome.error, outcome.overload))


def _joined(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
