"""Bounds of the service's settings in the resource: in its schema, and as rules that have the service's sentence.

Tools that read the schema and no CEL find the bounds there. Two keywords differ from the declaration's, because the
API server asks no rule at all of an object that breaks an `enum` or a `maxLength`: choices are a pattern, in upper or
lower case, and the longest text is twice as long as the rule allows. Patterns of addresses, which may hold a password,
are in the rule alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .crd_rules import LONGEST_TEXT, Schema, Table, add_rules, hushed, literal, schema_at

_BEYOND_THE_BOUND = 2
"""How many times its longest length a text may have for the rule, and not the schema, to refuse it."""


def of_bounds(spec: Schema, table: Table) -> None:
    """Put into the schema of `spec` what single settings may be."""
    for bound in table["bounds"]:
        schema = schema_at(spec, bound["path"])
        if schema is None:
            raise ValueError(f"{bound['path']} has bounds and is not in the resource")
        kind = schema["type"]
        schema.update(_keywords(bound, kind))
        add_rules(schema, {"rule": " && ".join(_tests(bound, kind)), **_messages(bound, kind)})


def _keywords(bound: Table, kind: str) -> Schema:
    kept = ("minimum", "maximum", "minLength", "pattern")
    found: Schema = {keyword: bound[keyword] for keyword in kept if keyword in bound}
    if "hidden" in bound:
        # What breaks a pattern of the schema is repeated by the API server.
        found.pop("pattern", None)
    if "exclusiveMinimum" in bound:
        found |= {"minimum": bound["exclusiveMinimum"], "exclusiveMinimum": True}
    if kind == "string":
        found["maxLength"] = bound["maxLength"] * _BEYOND_THE_BOUND if "maxLength" in bound else LONGEST_TEXT
    if "enum" in bound:
        found["pattern"] = f"^(?i:{'|'.join(map(re.escape, bound['enum']))})$"
    return found


def _tests(bound: Table, kind: str) -> Iterator[str]:
    for keyword, relation in (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<=")):
        if keyword in bound:
            yield f"self {relation} {_number(bound[keyword], kind)}"
    for keyword, relation in (("minLength", ">="), ("maxLength", "<=")):
        if keyword in bound:
            yield f"size(self) {relation} {bound[keyword]}"
    if "pattern" in bound:
        yield f"self.matches({literal(bound['pattern'])})"
    if "enum" in bound:
        yield f"self.lowerAscii() in {literal(bound['enum'])}"


def _number(value: float, kind: str) -> str:
    return str(value) if kind == "integer" else str(float(value))


def _messages(bound: Table, kind: str) -> dict[str, str]:
    """The sentence with what was given; without it where that is too long for a message, or has line breaks."""
    given = '"%s"' if kind == "string" else "%s"
    beginning, end = (part.replace("%", "%%") for part in (f"{bound['path']} is ", f"; {bound['sentence']}"))
    without_value = f"{bound['path']} is wrong; {bound['sentence']}"
    with_value = hushed(f"{literal(beginning + given + end)}.format([self])", without_value, bound)
    return {**({"message": without_value} if kind == "string" else {}), "messageExpression": with_value}
