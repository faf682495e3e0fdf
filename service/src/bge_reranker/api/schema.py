"""Fragments of JSON schemas that several fields and answers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]

QUERY: Final[Schema] = {"type": "string", "minLength": 1, "description": "The text to search for."}
TEXT: Final[Schema] = {"type": "string"}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT, "minItems": 1}
TEXT_OR_TEXTS: Final[Schema] = {"anyOf": [TEXT, TEXTS]}
TEXT_OBJECT: Final[Schema] = {"type": "object", "properties": {"text": TEXT}, "required": ["text"]}
IMAGE_OBJECT: Final[Schema] = {
    "type": "object",
    "properties": {"image": {"type": "string", "minLength": 1, "description": "A data URI, or an https address."}},
    "required": ["image"],
}
TEXTS_OR_OBJECTS: Final[Schema] = {
    "type": "array",
    "items": {"anyOf": [TEXT, TEXT_OBJECT, IMAGE_OBJECT]},
    "minItems": 1,
}
PAIR: Final[Schema] = {
    "type": "array",
    "prefixItems": [{"type": "string", "minLength": 1}, TEXT],
    "items": {"type": "string"},
    "minItems": 2,
    "maxItems": 2,
}
QUERY_OR_OBJECT: Final[Schema] = {
    "anyOf": [QUERY, {"type": "object", "properties": {"text": QUERY}, "required": ["text"]}, IMAGE_OBJECT]
}
DOCUMENTS: Final[Schema] = {
    "type": "array",
    "items": {
        "anyOf": [
            TEXT,
            {"type": "object", "description": "With a string `text` or `image`, or strings under `rank_fields`."},
        ]
    },
    "minItems": 1,
}
NUMBER: Final[Schema] = {"type": "number"}
INDEX: Final[Schema] = {"type": "integer", "minimum": 0}
USAGE: Final[Schema] = {
    "type": "object",
    "properties": {"prompt_tokens": INDEX, "total_tokens": INDEX},
    "required": ["prompt_tokens", "total_tokens"],
}
ANYTHING: Final[Schema] = {}


def optional(schema: Schema) -> Schema:
    """A field that may also be null, which counts as absent."""
    return {"anyOf": [schema, {"type": "null"}]}


FLAG: Final[Schema] = optional(
    {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"}]}
)
"""A truth value; some clients send it as a string."""

WHOLE: Final[Schema] = optional({"type": "integer"})
"""Any whole number."""


def at_least(minimum: int) -> Schema:
    """A whole number with a lower bound, or null."""
    return optional({"type": "integer", "minimum": minimum})


def one_of(*choices: str) -> Schema:
    """One of a few words in any case, or null."""
    spellings = "|".join("".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else c for c in word) for word in choices)
    return optional({"type": "string", "pattern": f"^({spellings})$", "examples": list(choices)})


def fields_of(required: Mapping[str, Schema], others: Mapping[str, Schema] | None = None) -> Schema:
    """An object; unknown keys are allowed, since they are ignored."""
    return {"type": "object", "properties": {**required, **(others or {})}, "required": list(required)}


def list_of(item: Schema) -> Schema:
    """An array of one kind of item."""
    return {"type": "array", "items": item}


def scored(score: str, others: Mapping[str, Schema] | None = None) -> Schema:
    """A result with its index and its score under the family's name."""
    return fields_of({"index": INDEX, score: NUMBER}, others)


def framed(required: Mapping[str, Schema], optional_fields: Mapping[str, Schema] | None = None) -> Schema:
    """An answer object with what every answer object has."""
    frame: dict[str, Schema] = {
        "id": TEXT,
        "object": TEXT,
        "model": TEXT,
        "usage": USAGE,
        "meta": {"type": "object"},
    }
    return fields_of({**frame, **required}, {"errors": list_of({"type": "object"}), **(optional_fields or {})})
