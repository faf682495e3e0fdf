"""Reading the fields of a parsed body, each with an error that names the field, what was found and what is allowed.

What belongs here: types and bounds that every dialect shares. What must not: any dialect's names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import EmptyField, InvalidField, TooManyDocuments

_SHOWN_CHARACTERS = 40
"""Most characters of a caller's value that an error repeats; keys and small values only, never a document."""


class Fields:
    """The fields of one request body.

    Args:
        body: A parsed JSON object. Null counts as absent, unknown keys are ignored.
        max_documents: Most documents that one request may hold.
    """

    def __init__(self, body: Mapping[str, Any], max_documents: int) -> None:
        self._body = body
        self._max_documents = max_documents

    def query(self, name: str = "query") -> str:
        """A text that must be there and not be empty."""
        value = self._body.get(name)
        if value is None:
            raise InvalidField(f"`{name}` is missing.", remedy=f'Add "{name}": the text to search for.')
        if not isinstance(value, str):
            raise InvalidField(f"`{name}` must be a string, not {_kind(value)}.")
        if not value:
            raise EmptyField(f"`{name}` is empty.", remedy="Send at least one character.")
        return value

    def documents(self, name: str, *, objects_too: bool = False) -> list[str]:
        """A list of texts that must be there and hold at least one.

        Args:
            name: Key of the list.
            objects_too: Whether an item may be an object with a `text`.
        """
        value = self._body.get(name)
        if value is None:
            raise InvalidField(f"`{name}` is missing.", remedy=f'Add "{name}": a list of strings.')
        if not isinstance(value, list):
            raise InvalidField(f"`{name}` must be a list of strings, not {_kind(value)}.")
        if not value:
            raise EmptyField(f"`{name}` is empty.", remedy="Send at least one document.")
        if len(value) > self._max_documents:
            raise TooManyDocuments(
                f"`{name}` holds {len(value)} documents; the limit is {self._max_documents}.",
                remedy="Split the request, or raise the server's maxDocuments.",
            )
        if all(isinstance(item, str) for item in value):
            return value
        return [_document(name, index, item, objects_too=objects_too) for index, item in enumerate(value)]

    def top_n(self, name: str = "top_n", *, zero_means_all: bool) -> int | None:
        """How many results are wanted; None means all.

        Args:
            name: Key of the number.
            zero_means_all: Whether zero and negative numbers mean all, as most dialects have it, or are refused.
        """
        value = self.integer(name)
        if value is not None and value <= 0:
            if zero_means_all:
                return None
            raise InvalidField(f"`{name}` is {value}; it must be at least 1.", remedy="Leave it out to get all.")
        return value

    def integer(self, name: str) -> int | None:
        """A whole number, or None where absent."""
        value = self._body.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            shown = value if isinstance(value, float) else _kind(value)
            raise InvalidField(f"`{name}` must be a whole number, not {shown}.")
        return value

    def boolean(self, name: str, *, default: bool) -> bool:
        """A truth value; the strings "true" and "false" count, since some clients send them."""
        value = self._body.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        raise InvalidField(f"`{name}` must be true or false, not {_kind(value)}.")

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """One of a few words in any case, or None where absent."""
        value = self._body.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value.lower() in choices:
            return value.lower()
        shown = repr(value[:_SHOWN_CHARACTERS]) if isinstance(value, str) else _kind(value)
        raise InvalidField(f"`{name}` is {shown}; it must be one of: {', '.join(choices)}.")

    def label(self, name: str) -> str | None:
        """A short text that is only echoed, or None where absent or of another type."""
        value = self._body.get(name)
        return value if isinstance(value, str) else None


def _document(name: str, index: int, item: Any, *, objects_too: bool) -> str:
    if isinstance(item, str):
        return item
    if objects_too and isinstance(item, Mapping):
        text = item.get("text")
        if isinstance(text, str):
            return text
        raise InvalidField(f"`{name}[{index}]` is an object without a string `text`.")
    wanted = "a string or an object with `text`" if objects_too else "a string"
    raise InvalidField(f"`{name}[{index}]` must be {wanted}, not {_kind(item)}.")


def _kind(value: Any) -> str:
    """The JSON name of a value's type."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
