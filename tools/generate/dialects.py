"""The tables of docs/dialects.md, from what the dialects declare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bge_reranker.api.commands import read_example
from bge_reranker.api.dialect import Dialect, KeyRule
from bge_reranker.api.dispatch import DIALECTS, SHARED_ROUTES
from bge_reranker.api.error_form import CASES

from .marked_section import replace_section

_COLUMNS = ("name", "server", "recognised by", "request and answer", "scores")


def dialects_page(page: Path) -> str:
    """The page with its tables as they should be."""
    text = page.read_text(encoding="utf-8")
    text = replace_section(text, "dialects", dialects_table())
    return replace_section(text, "statuses", statuses_table())


def dialects_table() -> str:
    """One line per dialect: what it is recognised by, and what goes in and out."""
    return _table(_COLUMNS, [_row(dialect) for dialect in DIALECTS.values()])


def statuses_table() -> str:
    """One line per dialect: the HTTP status of each case."""
    columns = ("name", *(case.replace("_", " ") for case in CASES))
    rows = [(f"`{name}`", *(str(dialect.statuses.of(case)) for case in CASES)) for name, dialect in DIALECTS.items()]
    return _table(columns, rows)


def _row(dialect: Dialect[Any]) -> tuple[str, ...]:
    return f"`{dialect.name}`", dialect.title, _recognised_by(dialect), dialect.summary, _scores(dialect)


def _recognised_by(dialect: Dialect[Any]) -> str:
    keys = [f"`{key}`" for key in dialect.document_keys]
    routes = [f"`{route}`" for route in dialect.routes if route not in SHARED_ROUTES]
    return "; ".join([*keys, *map(_rule, dialect.key_rules), *routes]) or "name only"


def _rule(rule: KeyRule) -> str:
    found = ", ".join(f"`{key}`" for key in sorted(rule.any_of))
    return found + "".join(f" without `{key}`" for key in sorted(rule.none_of))


def _scores(dialect: Dialect[Any]) -> str:
    if read_example(dialect).raw_scores:
        return "logit"
    keys = sorted(_leaves(dialect.logits))
    return "; ".join(["sigmoid", *(f"`{key}`" for key in keys)])


def _leaves(value: Any) -> set[str]:
    """The innermost keys of an object."""
    if isinstance(value, list):
        return {key for item in value for key in _leaves(item)}
    found: set[str] = set()
    for key, item in value.items():
        found |= _leaves(item) if isinstance(item, dict | list) else {key}
    return found


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
