"""What each setting may be, read from its declaration: as data, and as the sentence that refuses anything else.

Service, chart and resource share the sentence. A keyword that has no words here stops the generator, because chart and
resource might not know it either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from .setting_texts import HOLDS_MORE, IS_ADDRESS, MUST_BE
from .settings import Settings

Schema = dict[str, Any]

REMEDY: Final = "Correct it, or leave it out for the default."
"""What to do about a value that a setting must not have."""

_BOUNDS: Final = ("minimum", "exclusiveMinimum", "maximum", "enum", "minLength", "maxLength", "pattern")
_OTHERS: Final = {"title", "description", "default", "anyOf", "type", "format", "writeOnly", MUST_BE, IS_ADDRESS}


@dataclass(frozen=True, slots=True)
class SettingBounds:
    """What one setting may be.

    Attributes:
        key: Such as `engine.maxBatchTokens`.
        type: JSON Schema's, as `bounds` are.
        words: What it must be, such as "a whole number from 16 to 4194304".
        is_address: Whether a wrong value may hold a password.
    """

    key: str
    description: str
    type: str
    may_be_null: bool
    default: Any
    bounds: Mapping[str, Any]
    words: str
    is_address: bool = False

    def may_repeat(self, value: object) -> bool:
        """Whether an error may say what was given."""
        return not (self.is_address and re.search(HOLDS_MORE, str(value)))

    @property
    def sentence(self) -> str:
        """What it must be, and the remedy; it follows the key and what was given."""
        return f"it must be {self.words}. {REMEDY}"


@cache
def setting_bounds() -> Mapping[str, SettingBounds]:
    """All settings by key, in the order of their declaration."""
    return {found.key: found for found in bounds_in(Settings.model_json_schema(by_alias=True))}


def bounds_in(whole: Schema) -> Iterator[SettingBounds]:
    """What a schema of settings in groups declares.

    Raises:
        ValueError: If a declaration says something that has no words.
    """
    for group, reference in whole["properties"].items():
        fields = whole["$defs"][reference["$ref"].removeprefix("#/$defs/")]["properties"]
        for name, field in fields.items():
            yield _setting(f"{group}.{name}", field)


def _setting(key: str, field: Schema) -> SettingBounds:
    alternatives = field.get("anyOf", [field])
    values = [each for each in alternatives if each != {"type": "null"}]
    if len(values) != 1:
        raise ValueError(f"{key}: a setting is one type, or that or null, not {alternatives}")
    value = values[0]
    if unknown := (field.keys() | value.keys()) - {*_BOUNDS, *_OTHERS}:
        raise ValueError(f"{key}: no words for {', '.join(sorted(unknown))}; teach setting_bounds.py, or do without")
    return SettingBounds(
        key=key,
        description=" ".join(field["description"].split()),
        type=value["type"],
        may_be_null=len(alternatives) > len(values),
        default=field.get("default"),
        bounds={keyword: value[keyword] for keyword in _BOUNDS if keyword in value},
        words=_words(key, value),
        is_address=bool(value.get(IS_ADDRESS, field.get(IS_ADDRESS))),
    )


def _words(key: str, value: Schema) -> str:
    if "enum" in value:
        *others, last = value["enum"]
        return f"{', '.join(others)} or {last}" if others else str(last)
    if value["type"] == "boolean":
        return "true or false"
    if value["type"] in {"integer", "number"}:
        return f"a {'whole ' if value['type'] == 'integer' else ''}number{_range(value)}"
    if "pattern" in value and MUST_BE not in value:
        raise ValueError(f"{key}: its pattern says nothing to people; say in {MUST_BE} what it must be")
    lengths = _lengths(value)
    if MUST_BE in value:
        return f"{value[MUST_BE]}{f' ({lengths})' if lengths else ''}"
    return f"a string{f' of {lengths}' if lengths else ''}"


def _range(value: Schema) -> str:
    least, above, most = (value.get(keyword) for keyword in ("minimum", "exclusiveMinimum", "maximum"))
    if least is not None and most is not None:
        return f" from {least} to {most}"
    said = (("of at least", least), ("above", above), ("of at most" if above is None else "at most", most))
    parts = [f"{words} {bound}" for words, bound in said if bound is not None]
    return f" {' and '.join(parts)}" if parts else ""


def _lengths(value: Schema) -> str:
    least, most = value.get("minLength"), value.get("maxLength")
    if least is not None and most is not None:
        return f"{least} to {most} characters"
    said = (("at least", least), ("at most", most))
    return "".join(f"{words} {bound} characters" for words, bound in said if bound is not None)
