"""Reading the fields of a parsed body, each with an error that names the field, what was found and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import EmptyField, InvalidField, TooManyDocuments
from .texts import kind_of, text_of, texts_of

_SHOWN_CHARACTERS = 40
"""Most characters of a caller's value that an error repeats; keys and small values only, never a document."""

_BEYOND = 2**63
"""Whole numbers from here on mean nothing in any field."""


class Fields:
    """The fields of one request body.

    Args:
        body: A parsed JSON object. Null counts as absent, unknown keys are ignored.
        max_documents: Most documents that one request may hold.
        place: What goes before the name of a field in an error, for objects inside a body: `requests[1].`.
    """

    def __init__(self, body: Mapping[str, Any], max_documents: int, place: str = "") -> None:
        self._body = body
        self._max_documents = max_documents
        self._place = place

    def named(self, name: str) -> str:
        """A field's name as errors say it."""
        return f"`{self._place}{name}`"

    def has(self, name: str) -> bool:
        """Whether a field is there and not null."""
        return self._body.get(name) is not None

    def value(self, name: str) -> Any:
        """A field as it was sent, None where absent."""
        return self._body.get(name)

    def part(self, name: str, value: Any) -> Fields:
        """The fields of an object inside this body.

        Args:
            name: Where it lies, for the errors.
            value: What should be an object.
        """
        if not isinstance(value, Mapping):
            raise InvalidField(f"{self.named(name)} must be an object, not {kind_of(value)}.")
        return Fields(value, self._max_documents, f"{self._place}{name}.")

    def parts(self, name: str, *, of: str) -> list[Fields]:
        """The fields of each object in a list that must be there and hold at least one.

        Args:
            name: Key of the list.
            of: What one of them is called.
        """
        return [self.part(f"{name}[{index}]", item) for index, item in enumerate(self.listed(name, of=of))]

    def query(self, name: str = "query", *, object_too: bool = False) -> str:
        """A text that must be there and not be empty.

        Args:
            name: Key of the text.
            object_too: Whether it may be an object with a `text`.
        """
        value = self._body.get(name)
        if value is None:
            raise InvalidField(f"{self.named(name)} is missing.", remedy=f'Add "{name}": the text to search for.')
        text = text_of(self._place + name, value, object_too=object_too)
        if not text:
            raise EmptyField(f"{self.named(name)} is empty.", remedy="Send at least one character.")
        return text

    def listed(self, name: str, *, of: str = "document") -> list[Any]:
        """A list that must be there and hold between one item and the limit of documents.

        Args:
            name: Key of the list.
            of: What one item is called.
        """
        value = self._body.get(name)
        if value is None:
            raise InvalidField(f"{self.named(name)} is missing.", remedy=f'Add "{name}": a list.')
        if not isinstance(value, list):
            raise InvalidField(f"{self.named(name)} must be a list, not {kind_of(value)}.")
        if not value:
            raise EmptyField(f"{self.named(name)} is empty.", remedy=f"Send at least one {of}.")
        self.check_count(name, len(value), of=of)
        return value

    def check_count(self, name: str, count: int, *, of: str = "document") -> None:
        """Refuse more documents than one request may hold."""
        if count > self._max_documents:
            raise TooManyDocuments(
                f"{self.named(name)} holds {count} {of}s; the limit is {self._max_documents}.",
                remedy="Split the request, or raise the server's maxDocuments.",
            )

    def documents(self, name: str, *, objects_too: bool = False, keys: Sequence[str] = ("text",)) -> list[str]:
        """A list of texts that must be there and hold at least one.

        Args:
            name: Key of the list.
            objects_too: Whether an item may be an object.
            keys: Keys of an object whose texts make up the document.
        """
        return texts_of(self._place + name, self.listed(name), objects_too=objects_too, keys=keys)

    def objects(self, name: str) -> dict[int, Mapping[str, Any]]:
        """The items of a list that are objects, by index."""
        return {index: item for index, item in enumerate(self.listed(name)) if isinstance(item, dict)}

    def text_or_texts(self, name: str) -> str | list[str]:
        """One text, or a list of at least one, that must be there."""
        value = self._body.get(name)
        return value if isinstance(value, str) else self.documents(name)

    def keys(self, name: str, otherwise: Sequence[str]) -> Sequence[str]:
        """A list of key names, or what stands for it where it is absent or empty."""
        value = self._body.get(name)
        if value is None:
            return otherwise
        if not isinstance(value, list):
            raise InvalidField(f"{self.named(name)} must be a list, not {kind_of(value)}.")
        return texts_of(self._place + name, value, objects_too=False) or otherwise

    def top_n(self, name: str = "top_n", *, zero_means_all: bool = True) -> int | None:
        """How many results are wanted; None means all.

        Args:
            name: Key of the number.
            zero_means_all: Whether zero and negative numbers mean all, as most dialects have it, or are refused.
        """
        value = self.integer(name, minimum=None if zero_means_all else 1)
        return None if value is None or value <= 0 else value

    def integer(self, name: str, *, minimum: int | None = None) -> int | None:
        """A whole number, or None where absent.

        Args:
            name: Key of the number.
            minimum: Least value, where there is one.
        """
        value = self._body.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            shown = value if isinstance(value, float) else kind_of(value)
            raise InvalidField(f"{self.named(name)} must be a whole number, not {shown}.")
        if abs(value) >= _BEYOND:
            raise InvalidField(f"{self.named(name)} needs more than 64 bits.", remedy="Send a smaller number.")
        if minimum is not None and value < minimum:
            raise InvalidField(
                f"{self.named(name)} is {value}; it must be at least {minimum}.", remedy="Or leave it out."
            )
        return value

    def limit(self, name: str) -> int | None:
        """A count that must not be negative; zero and absence mean no limit."""
        return self.integer(name, minimum=0) or None

    def boolean(self, name: str, *, default: bool) -> bool:
        """A truth value; the strings "true" and "false" count, since some clients send them."""
        value = self.flag(name)
        return default if value is None else value

    def flag(self, name: str) -> bool | None:
        """A truth value, or None where absent."""
        value = self._body.get(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        raise InvalidField(f"{self.named(name)} must be true or false, not {kind_of(value)}.")

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """One of a few words in any case, told as they are given here; in lower case, or None where absent."""
        value = self._body.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value.lower() in map(str.lower, choices):
            return value.lower()
        shown = repr(value[:_SHOWN_CHARACTERS]) if isinstance(value, str) else kind_of(value)
        raise InvalidField(f"{self.named(name)} is {shown}; it must be one of: {', '.join(choices)}.")

    def refuse(self, name: str, why: str, remedy: str) -> None:
        """Refuse a field that is there, where ignoring it would be to misunderstand the request.

        Args:
            name: Its key.
            why: What is said about it.
            remedy: What to do instead.
        """
        if self.has(name):
            raise InvalidField(f"{self.named(name)} {why}.", remedy=remedy)
