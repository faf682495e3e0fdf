"""The part of a live object that a field manager applied, from what the API server keeps in `managedFields`. Pure.

Applying the part again with the same manager changes nothing: fields that other managers added stay theirs.

Source: sigs.k8s.io/structured-merge-diff/v6, `fieldpath/serialize-pe.go`: `f:NAME` is a field, `k:{...}` an element of
a list by its keys, `v:VALUE` an element of a set, `.` the element itself; no members mean the whole value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_ITSELF = "."


def applied_part(live: Mapping[str, Any], manager: str, field: str) -> Any:
    """What the manager applied of one field of the object's spec; None if it applied nothing of it."""
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            owned = entry.get("fieldsV1", {}).get("f:spec", {}).get(f"f:{field}")
            return None if owned is None else _part(live["spec"].get(field), owned)
    return None


def _part(value: Any, owned: Mapping[str, Any]) -> Any:
    members = {path: inner for path, inner in owned.items() if path != _ITSELF}
    if not members:
        return value
    if isinstance(value, list):
        return _elements(value, members)
    if not isinstance(value, Mapping):
        return value
    names = {path.removeprefix("f:"): inner for path, inner in members.items()}
    return {name: _part(each, names[name]) for name, each in value.items() if name in names}


def _elements(values: list[Any], members: Mapping[str, Any]) -> list[Any]:
    """Of a list, the owned elements in the order in which they stand there."""
    kept = []
    for value in values:
        for path, inner in members.items():
            kind, _, text = path.partition(":")
            wanted = json.loads(text)
            if kind == "v" and value == wanted:
                kept.append(value)
            elif kind == "k" and wanted.items() <= value.items():
                # The keys are what the element is found by, whoever set them.
                kept.append({**wanted, **_part(value, inner)})
    return kept
