"""files/required-values.json: the keys without which templates have nothing to render.

Helm takes a key away whose value is null. That is how a user empties a list, a map or a name; of a number, a switch, a
word with a default, or a whole group it leaves a hole, which the chart refuses by this list.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from .values_schema import leaves


def required_values(values: str) -> str:
    """The whole file: paths in the order of values.yaml, a group before its keys."""
    keys = set(leaves(values))
    return json.dumps(list(_paths(yaml.safe_load(values), keys, "")), indent=2) + "\n"


def _paths(values: dict[str, Any], keys: set[str], prefix: str) -> list[str]:
    found: list[str] = []
    for name, value in values.items():
        path = f"{prefix}{name}"
        if path not in keys:
            found += [path, *_paths(value, keys, f"{path}.")]
        elif not isinstance(value, dict | list) and value not in {None, ""}:
            found.append(path)
    return found
