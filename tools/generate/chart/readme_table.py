"""The table of values in the chart's README."""

from __future__ import annotations

import json
from typing import Any

import yaml

from .comments import documented_keys
from .values_schema import leaves

_LONGEST_DEFAULT = 60
"""Characters of a default that a table can hold; a longer one is looked up in values.yaml."""


def values_table(values: str) -> str:
    """One line a key, in the order of values.yaml."""
    comments = {key.path: key.comment for key in documented_keys(values)}
    parsed = yaml.safe_load(values)
    lines = [f"| `{path}` | {_default(_at(parsed, path))} | {_cell(comments[path])} |" for path in leaves(values)]
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *lines])


def _at(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = values[name]
    return values


def _default(value: Any) -> str:
    written = json.dumps(value)
    return f"`{written}`" if len(written) <= _LONGEST_DEFAULT else "see values.yaml"


def _cell(comment: str) -> str:
    return comment.replace("|", "\\|")
