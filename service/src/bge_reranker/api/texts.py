"""Reading texts that may come in several forms: strings, objects with a text, pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from ..errors import EmptyField, InvalidField, InvalidPicture
from ..vision.sources import PictureSource
from .wide_integers import written

_PICTURE_REMEDY = (
    "A picture (`image`) is read in `documents`, `candidates` and `passages`, and in the `query` beside them: ask in a "
    "dialect that has these, or send its text."
)

_PAIR = 2
"""Texts in a pair."""


def text_of(name: str, value: Any, *, object_too: bool) -> str:
    """One text.

    Args:
        name: Name of the field, for errors.
        value: A string, or an object with a `text`.
        object_too: Whether an object will do.
    """
    if isinstance(value, str):
        return value
    if object_too and isinstance(value, Mapping):
        text = value.get("text")
        if isinstance(text, str):
            return text
        raise InvalidField(f"`{name}` is an object without a string `text`.", remedy=_picture_remedy(value))
    wanted = "a string or an object with `text`" if object_too else "a string"
    raise InvalidField(f"`{name}` must be {wanted}, not {kind_of(value)}.", remedy=_picture_remedy(value))


def _picture_remedy(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    if "image_url" in value or "content" in value:
        return 'Send a text as {"text": "..."}, and a picture as {"image": "data:image/png;base64,..."}.'
    return _PICTURE_REMEDY if "image" in value else ""


def picture_of(value: Any, keys: Sequence[str] = ("text",)) -> PictureSource | None:
    """The source of a picture, where a value is an object with an `image` and no text; else None.

    What cannot be a source is an error of that picture alone, so that the others are ranked.

    Args:
        value: What was sent.
        keys: Keys of an object whose texts make up a document.
    """
    if not isinstance(value, Mapping) or "image" not in value:
        return None
    if any(value.get(key) not in (None, "") for key in keys):
        return None
    source = value["image"]
    if isinstance(source, str):
        return source
    if source is None and any(key in value for key in keys):
        return None
    return InvalidPicture(
        f"`image` must be a string, not {kind_of(source)}.",
        remedy="Send data:image/png;base64,... or an https address.",
    )


def query_pictures(values: Mapping[str, Any], place: int = 0) -> dict[int, PictureSource]:
    """The source of a body's `query` by its place, where it is a picture; else nothing."""
    source = picture_of(values.get("query"))
    return {} if source is None else {place: source}


def texts_of(name: str, items: list[Any], *, objects_too: bool, keys: Sequence[str] = ("text",)) -> list[str]:
    """A list of texts.

    Args:
        name: Name of the list's field, for errors.
        items: Strings, or objects.
        objects_too: Whether objects will do.
        keys: Keys of an object whose texts make up the document, in this order; one that is named twice counts once.
    """
    if all(isinstance(item, str) for item in items):
        return items
    by_keys = tuple(keys) != ("text",)
    order = {key: position for position, key in enumerate(dict.fromkeys(keys))}
    return [
        _joined(f"{name}[{index}]", item, order)
        if by_keys and objects_too and isinstance(item, Mapping)
        else text_of(f"{name}[{index}]", item, object_too=objects_too)
        for index, item in enumerate(items)
    ]


def pair_of(name: str, value: Any) -> tuple[str, str]:
    """A query with its document, as a list of two strings."""
    if not isinstance(value, list) or len(value) != _PAIR:
        raise InvalidField(f"`{name}` must be a list of two strings: query and document.")
    return _pair((f"{name}[{side}]", text) for side, text in enumerate(value))


def named_pair_of(name: str, value: Any) -> tuple[str, str]:
    """A query with its document, as an object with both under transformers' names."""
    if not isinstance(value, Mapping):
        raise InvalidField(f"`{name}` must be an object with `text` and `text_pair`.")
    return _pair((f"{name}.{key}", value.get(key)) for key in ("text", "text_pair"))


def _pair(sides: Iterable[tuple[str, Any]]) -> tuple[str, str]:
    (query_name, query), (_, document) = ((name, text_of(name, text, object_too=False)) for name, text in sides)
    if not query:
        raise EmptyField(f"`{query_name}` is empty.", remedy="Send at least one character.")
    return query, document


def _joined(name: str, item: Mapping[str, Any], order: Mapping[str, int]) -> str:
    """Join the values of some keys of an object, one a line, in the given order; null counts as absent."""
    # By the object's own keys, which a body has so many of: a caller may name any number for each of its documents.
    present = sorted((key for key, value in item.items() if value is not None and key in order), key=order.__getitem__)
    if not present:
        raise InvalidField(f"`{name}` is an object without anything under: {', '.join(islice(order, 50))[:200]}.")
    return "\n".join(_as_text(f"{name}.{key}", item[key]) for key in present)


def _as_text(name: str, value: Any) -> str:
    """A string as it is, anything else as its JSON."""
    if isinstance(value, str):
        return value
    try:
        return written(value).decode()
    except orjson.JSONEncodeError:
        raise InvalidField(f"`{name[:200]}` is nested too deeply; the limit is 254 levels.") from None


def kind_of(value: Any) -> str:
    """The JSON name of a value's type."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
