"""values.schema.json: types and bounds from values_schema.yaml, descriptions from the comments of values.yaml.

A key without a comment, without a type, or in one of the two files only, stops the generator.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from .comments import documented_keys
from .settings_schema import Schema, config_schema
from .structures import definitions, structure

TYPES = Path(__file__).with_name("values_schema.yaml")
"""What is written by hand."""


def values_schema(values: str) -> str:
    """The whole file.

    Args:
        values: Text of values.yaml.

    Raises:
        ValueError: If a key is undocumented, or has no type, or a type has no key.
    """
    types = yaml.safe_load(TYPES.read_text(encoding="utf-8"))
    comments = {key.path: key.comment for key in documented_keys(values)}
    schema: Schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of bge-reranker"}
    schema |= _group(types, yaml.safe_load(values), comments, "")
    # Helm itself adds this one to the values of a subchart.
    schema["properties"]["global"] = {"type": "object", "description": "Values that a parent chart shares."}
    schema["definitions"] = definitions(schema)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def leaves(values: str) -> list[str]:
    """Paths of the keys that have a value of their own, in the order of the file."""
    return list(_leaves(yaml.safe_load(TYPES.read_text(encoding="utf-8")), yaml.safe_load(values), ""))


def is_leaf(types: Any) -> bool:
    """True for a schema, false for a group of keys (in which `type` may be a key)."""
    return not isinstance(types.get("type", {}), dict) or "enum" in types or "kubernetes" in types


def without_forms(schema: Any) -> Any:
    """The schema as JSON Schema has it; what a text must look like is refused by `rules`, which can explain."""
    if not isinstance(schema, dict):
        return schema
    if "kubernetes" in schema:
        beside = {keyword: part for keyword, part in schema.items() if keyword != "kubernetes"}
        return _merged(structure(schema["kubernetes"]), without_forms(beside))
    return {keyword: without_forms(part) for keyword, part in schema.items() if keyword not in {"form", "keys"}}


def _merged(schema: Schema, beside: Schema) -> Schema:
    """A schema with what is written beside it, key by key."""
    if "$ref" in schema:
        raise ValueError(f"{TYPES.name}: {', '.join(beside)} would be ignored beside {schema['$ref']}")
    both = {key for key in beside if isinstance(beside[key], dict) and isinstance(schema.get(key), dict)}
    return {**schema, **beside, **{key: _merged(schema[key], beside[key]) for key in both}}


def _leaves(types: dict[str, Any], values: dict[str, Any], prefix: str) -> list[str]:
    found = []
    for name, value in values.items():
        path = f"{prefix}{name}"
        found += [path] if is_leaf(types[name]) else _leaves(types[name], value, f"{path}.")
    return found


def _group(types: dict[str, Any], values: dict[str, Any], comments: dict[str, str], prefix: str) -> Schema:
    _refuse_difference(types, values, prefix)
    properties = {}
    for name, value in values.items():
        path = f"{prefix}{name}"
        comment = comments.get(path)
        if is_leaf(types[name]):
            if not comment:
                raise ValueError(f"values.yaml: {path} has no comment above it")
            schema = config_schema() if path == "config" else without_forms(types[name])
            properties[name] = {"description": comment, **schema}
        else:
            described = {"description": comment} if comment else {}
            properties[name] = described | _group(types[name], value, comments, f"{path}.")
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _refuse_difference(types: dict[str, Any], values: dict[str, Any], prefix: str) -> None:
    for missing in sorted(set(values) - set(types)):
        raise ValueError(f"{TYPES.name}: {prefix}{missing} of values.yaml has no type")
    for missing in sorted(set(types) - set(values)):
        raise ValueError(f"values.yaml: {prefix}{missing} of {TYPES.name} is missing")
