"""Fields that hold what is ranked: queries, documents, pairs, and objects with such fields of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from typing_extensions import override

from ...errors import EmptyField, InvalidField
from ...vision.sources import PictureSource
from ..schema import (
    DOCUMENTS,
    PAIR,
    QUERY,
    QUERY_OR_OBJECT,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    TEXTS_OR_OBJECTS,
    Schema,
    list_of,
    optional,
)
from ..texts import kind_of, pair_of, picture_of, text_of, texts_of
from .declaration import Body, Field

T = TypeVar("T")
B = TypeVar("B", bound=Body)

_TEXT_ONLY: Final = ("text",)


class Query(Field[str]):
    """A text that must be there and not be empty."""

    is_required = True

    @override
    def read(self, body: Body, value: Any) -> str:
        return self._text(body, value, object_too=False)

    @override
    def schema(self) -> Schema:
        return QUERY

    def _text(self, body: Body, value: Any, *, object_too: bool) -> str:
        if value is None:
            raise InvalidField(
                f"{body.named(self.key)} is missing.", remedy=f'Add "{self.key}": the text to search for.'
            )
        text = text_of(body.prefix + self.key, value, object_too=object_too)
        if not text:
            raise EmptyField(f"{body.named(self.key)} is empty.", remedy="Send at least one character.")
        return text


class QueryOrObject(Query):
    """As `Query`, or an object with a `text` or an `image`; the text of a picture is empty."""

    @override
    def read(self, body: Body, value: Any) -> str:
        return "" if picture_of(value) is not None else self._text(body, value, object_too=True)

    @override
    def schema(self) -> Schema:
        return QUERY_OR_OBJECT


class Listed(Field[T]):
    """A list that must be there and hold between one item and the limit of documents."""

    is_required = True

    item_name = "document"
    """What an error calls one item."""

    def items(self, body: Body, value: Any) -> list[Any]:
        """The list's items, as they were sent."""
        if value is None:
            raise InvalidField(f"{body.named(self.key)} is missing.", remedy=f'Add "{self.key}": a list.')
        if not isinstance(value, list):
            raise InvalidField(f"{body.named(self.key)} must be a list, not {kind_of(value)}.")
        if not value:
            raise EmptyField(f"{body.named(self.key)} is empty.", remedy=f"Send at least one {self.item_name}.")
        body.check_count(self.key, len(value), of=self.item_name)
        return value


class Texts(Listed[list[str]]):
    """A list of texts."""

    @override
    def read(self, body: Body, value: Any) -> list[str]:
        return texts_of(body.prefix + self.key, self.items(body, value), objects_too=False)

    @override
    def schema(self) -> Schema:
        return TEXTS


class TextOrTexts(Texts):
    """One text, which is read as a list of it, or a list of texts."""

    @override
    def read(self, body: Body, value: Any) -> list[str]:
        return [value] if isinstance(value, str) else super().read(body, value)

    @override
    def schema(self) -> Schema:
        return TEXT_OR_TEXTS


class DocumentList(NamedTuple):
    """Documents as they are ranked, and as they came."""

    texts: list[str]

    objects: Mapping[int, Mapping[str, Any]]
    """Those that came as objects, by index."""

    pictures: Mapping[int, PictureSource] = {}
    """Those that are pictures, by index. Their texts are empty."""


class Documents(Listed[DocumentList]):
    """A list of documents, each a text or an object with a `text` or an `image`."""

    @override
    def read(self, body: Body, value: Any) -> DocumentList:
        return self._documents(body, value, _TEXT_ONLY)

    @override
    def schema(self) -> Schema:
        return TEXTS_OR_OBJECTS

    def _documents(self, body: Body, value: Any, keys: Sequence[str]) -> DocumentList:
        items, name = self.items(body, value), body.prefix + self.key
        if all(isinstance(item, str) for item in items):
            return DocumentList(items, {})
        objects = {index: item for index, item in enumerate(items) if isinstance(item, Mapping)}
        found = {index: picture_of(item, keys) for index, item in objects.items()}
        pictures = {index: source for index, source in found.items() if source is not None}
        # What is no text is not looked for where a picture is.
        written = ["" if index in pictures else item for index, item in enumerate(items)]
        return DocumentList(texts_of(name, written, objects_too=True, keys=keys), objects, pictures)


class RankFields(Field[Sequence[str]]):
    """Keys of document objects whose texts make up the document; absent or empty, `text` alone."""

    @override
    def read(self, body: Body, value: Any) -> Sequence[str]:
        if value is None:
            return _TEXT_ONLY
        if not isinstance(value, list):
            raise InvalidField(f"{body.named(self.key)} must be a list, not {kind_of(value)}.")
        return texts_of(body.prefix + self.key, value, objects_too=False) or _TEXT_ONLY

    @override
    def schema(self) -> Schema:
        return optional(list_of(TEXT))


class DocumentsByFields(Documents):
    """As `Documents`; another field says which keys of an object are read.

    Args:
        keys: That field.
        key: As of every field.
    """

    def __init__(self, keys: RankFields, *, key: str = "") -> None:
        super().__init__(key=key)
        self._keys = keys

    @override
    def read(self, body: Body, value: Any) -> DocumentList:
        keys = self._keys.read(body, body.values.get(self._keys.key))
        return self._documents(body, value, keys)

    @override
    def schema(self) -> Schema:
        return DOCUMENTS


class Pairs(Listed[list[tuple[str, str]]]):
    """A list of pairs, each a list of query and document."""

    @override
    def read(self, body: Body, value: Any) -> list[tuple[str, str]]:
        name = body.prefix + self.key
        return [pair_of(f"{name}[{index}]", item) for index, item in enumerate(self.items(body, value))]

    @override
    def schema(self) -> Schema:
        return list_of(PAIR) | {"minItems": 1}


class NestedList(Listed[list[B]]):
    """A list of objects with fields of their own.

    Args:
        body: What each of them is.
        item_name: What an error calls one.
    """

    def __init__(self, body: type[B], item_name: str) -> None:
        super().__init__()
        self._body = body
        self.item_name = item_name

    @override
    def read(self, body: Body, value: Any) -> list[B]:
        items = enumerate(self.items(body, value))
        return [_nested(self._body, body, f"{self.key}[{index}]", item) for index, item in items]

    @override
    def schema(self) -> Schema:
        return list_of(self._body.schema()) | {"minItems": 1}


class Nested(Field[B | None]):
    """An object with fields of its own, or None where absent.

    Args:
        body: What it is.
        description: As of every field.
    """

    def __init__(self, body: type[B], description: str = "") -> None:
        super().__init__(description)
        self._body = body

    @override
    def read(self, body: Body, value: Any) -> B | None:
        return None if value is None else _nested(self._body, body, self.key, value)

    @override
    def schema(self) -> Schema:
        return optional(self._body.schema())


def _nested(kind: type[B], body: Body, key: str, value: Any) -> B:
    if not isinstance(value, Mapping):
        raise InvalidField(f"{body.named(key)} must be an object, not {kind_of(value)}.")
    return kind(value, body.max_documents, f"{body.prefix}{key}.")
