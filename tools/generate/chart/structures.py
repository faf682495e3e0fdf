"""Types of Kubernetes as the chart's schema has them: unknown fields are refused, and null is as good as none.

A type within a type is a reference to `definitions`, where each is written once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reranker_operator.kubernetes_schema import inner_types, of

from .settings_schema import Schema

_PREFIX = "#/definitions/"

_OR_NULL = "OrNull"
"""Behind the name of a type that stands for a field that may be absent."""


def structure(name: str, *, may_be_null: bool = False) -> Schema:
    """One type, with references to those within it.

    Args:
        name: Of its model, such as `V1Affinity`.
        may_be_null: Whether it stands for a field that may be absent.
    """
    schema, inside = of(name), inner_types(name)
    required = schema.get("required", ())
    properties = {
        field: _field(part, field, inside, may_be_null=field not in required)
        for field, part in schema["properties"].items()
    }
    return {**_plain(schema, may_be_null=may_be_null), "additionalProperties": False, "properties": properties}


def definitions(schema: Schema) -> dict[str, Schema]:
    """All types that a schema refers to, and those that they refer to, by name."""
    found: dict[str, Schema] = {}
    while missing := set(_references([schema, found])) - found.keys():
        found |= {name: structure(name.removesuffix(_OR_NULL), may_be_null=name.endswith(_OR_NULL)) for name in missing}
    return dict(sorted(found.items()))


def _field(part: Schema, name: str, inside: dict[str, str], *, may_be_null: bool) -> Schema:
    if name in inside:
        return {"$ref": f"{_PREFIX}{inside[name]}{_OR_NULL if may_be_null else ''}"}
    found = _plain(part, may_be_null=may_be_null)
    if f"{name}[]" in inside:
        found["items"] = {"$ref": f"{_PREFIX}{inside[f'{name}[]']}"}
    return found


def _plain(schema: Schema, *, may_be_null: bool = False) -> Schema:
    """A schema without references, from what an API server has."""
    if schema.get("x-kubernetes-int-or-string"):
        bounds = {keyword: part for keyword, part in schema.items() if keyword in {"minimum", "maximum"}}
        return {"type": ["string", "number", *(["null"] if may_be_null else [])], **bounds}
    found = {**schema, **({"type": [schema["type"], "null"]} if may_be_null else {})}
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            found[keyword] = _plain(schema[keyword])
    return found


def _references(part: Any) -> Iterator[str]:
    inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for each in inside:
        yield from _references(each)
    if isinstance(part, dict) and "$ref" in part:
        yield part["$ref"].removeprefix(_PREFIX)
