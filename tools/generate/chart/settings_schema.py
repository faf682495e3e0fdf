"""The schema of `config`, from the service's settings.

Every keyword is translated on purpose; one that is not known here stops the generator, because it might be one that the
operator's resource cannot express.
"""

from __future__ import annotations

from typing import Any

from bge_reranker.settings import Settings

OWNED = {
    "model": {"source", "revision", "cacheDir", "expectDigest", "claimsDir"},
    "http": {"port", "managementPort"},
    "guard": {"apiKeys", "keysFile"},
    "observe": {"terminationLog"},
}
"""Settings that the chart decides by values of its own, so that `config` must not have them."""

_KEPT = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "pattern", "default")
_DROPPED = {"title"}

Schema = dict[str, Any]


def config_schema() -> Schema:
    """One object a group, unknown names refused."""
    whole = Settings.model_json_schema(by_alias=True)
    groups = {name: _group(name, _resolved(group, whole)) for name, group in whole["properties"].items()}
    return _object({name: group for name, group in groups.items() if group["properties"]})


def _group(name: str, group: Schema) -> Schema:
    owned = OWNED.get(name, set())
    unknown = owned - set(group["properties"])
    if unknown:
        raise ValueError(f"{name} has no {', '.join(sorted(unknown))}, which the chart claims to own")
    fields = {field: _field(schema) for field, schema in group["properties"].items() if field not in owned}
    return {**_object(fields), "description": _one_line(group["description"])}


def _field(schema: Schema) -> Schema:
    """One setting; `X or null` becomes a type with null in it."""
    described = {"description": _one_line(schema["description"])}
    alternatives = schema.get("anyOf")
    if alternatives is None:
        return described | _translated(schema, {"description"})
    values = [alternative for alternative in alternatives if alternative != {"type": "null"}]
    if len(values) != 1 or len(alternatives) != len(values) + 1:
        raise ValueError(f"a setting is one type, or that or null, not {alternatives}")
    kept = _translated(values[0], set())
    kept["type"] = [kept["type"], "null"]
    if "enum" in kept:
        kept["enum"] = [*kept["enum"], None]
    return described | kept


def _translated(schema: Schema, handled: set[str]) -> Schema:
    unknown = set(schema) - set(_KEPT) - _DROPPED - handled
    if unknown:
        raise ValueError(f"no translation for {', '.join(sorted(unknown))} in {schema}")
    return {keyword: schema[keyword] for keyword in _KEPT if keyword in schema}


def _resolved(schema: Schema, whole: Schema) -> Schema:
    name = schema["$ref"].removeprefix("#/$defs/")
    resolved: Schema = whole["$defs"][name]
    return resolved


def _object(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _one_line(text: str) -> str:
    return " ".join(text.split())
