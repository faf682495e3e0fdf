"""Typed request bodies: a field says how it is read, within which bounds, and how a schema describes it.

A field is checked when it is read, with an error that names it, what was found and what is allowed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Generic, NamedTuple, Self, TypeVar, cast, overload

from typing_extensions import override

from ..errors import EmptyField, InvalidField, TooManyDocuments
from .schema import (
    ANYTHING,
    DOCUMENTS,
    FLAG,
    PAIR,
    QUERY,
    QUERY_OR_OBJECT,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    TEXTS_OR_OBJECTS,
    WHOLE,
    Schema,
    at_least,
    fields_of,
    list_of,
    one_of,
    optional,
)
from .texts import kind_of, pair_of, text_of, texts_of

T = TypeVar("T")
B = TypeVar("B", bound="Body")
C = TypeVar("C", bound=str)

_SHOWN_CHARACTERS = 40
"""Most characters of a caller's value that an error repeats; keys and small values only, never a document."""

_BEYOND = 2**63
"""Whole numbers from here on mean nothing in any field."""

_TEXT_ONLY: Final = ("text",)


class Body:
    """A JSON object of a request, as the fields that its class declares.

    Null counts as absent, unknown keys are ignored.

    Args:
        values: A parsed JSON object.
        max_documents: Most documents that one request may hold.
        prefix: What goes before the name of a field in an error, for objects inside a body: `requests[1].`.
    """

    forms: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Fields that stand together, where a body has one of several forms; all others may stand beside each form."""

    other_classes: ClassVar[tuple[type[Body], ...]] = ()
    """Classes as which the same object may be seen instead."""

    def __init__(self, values: Mapping[str, Any], max_documents: int, prefix: str = "") -> None:
        self.values = values
        self.max_documents = max_documents
        self.prefix = prefix

    def named(self, key: str) -> str:
        """A field's name as errors say it."""
        return f"`{self.prefix}{key}`"

    def has(self, key: str) -> bool:
        """Whether a field is there and not null."""
        return self.values.get(key) is not None

    def seen_as(self, kind: type[B]) -> B:
        """The same object with the fields of another class."""
        return kind(self.values, self.max_documents, self.prefix)

    def refuse(self, key: str, why: str, remedy: str) -> None:
        """Refuse a field that is there, where ignoring it would be to misunderstand the request.

        Args:
            key: Its key.
            why: What is said about it.
            remedy: What to do instead.
        """
        if self.has(key):
            raise InvalidField(f"{self.named(key)} {why}.", remedy=remedy)

    def check_count(self, key: str, count: int, *, of: str = "document") -> None:
        """Refuse more documents than one request may hold."""
        if count > self.max_documents:
            raise TooManyDocuments(
                f"{self.named(key)} holds {count} {of}s; the limit is {self.max_documents}.",
                remedy="Split the request, or raise the server's maxDocuments.",
            )

    @classmethod
    def fields(cls) -> dict[str, Field[Any]]:
        """Every declared field by its attribute, those of base classes first."""
        found: dict[str, Field[Any]] = {}
        for owner in reversed(cls.__mro__):
            found |= {name: value for name, value in vars(owner).items() if isinstance(value, Field)}
        return found

    @classmethod
    def keys(cls, kind: type[Field[Any]] | None = None) -> frozenset[str]:
        """The keys of all that is read, or of the fields of one kind."""
        fields = cls.fields().values()
        others = (other.keys(kind) for other in cls.other_classes)
        return frozenset(field.key for field in fields if kind is None or isinstance(field, kind)).union(*others)

    @classmethod
    def schema(cls) -> Schema:
        """The JSON schema of what is read."""
        schemas = [*cls._schemas(), *(other.schema() for other in cls.other_classes)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    @classmethod
    def _schemas(cls) -> list[Schema]:
        """One schema for each form."""
        fields = cls.fields()
        formed = {name for form in cls.forms for name in form}
        shared = [field for name, field in fields.items() if name not in formed]
        return [_object([*(fields[name] for name in form), *shared]) for form in cls.forms or ((),)]


def _object(fields: Any) -> Schema:
    documented = [field for field in fields if field.is_documented]
    required = {field.key: field.documented() for field in documented if field.is_required}
    return fields_of(required, {field.key: field.documented() for field in documented if not field.is_required})


class Field(ABC, Generic[T]):
    """One field of a body.

    Args:
        description: What it is for.
        key: Its key in the JSON object; the attribute's name unless given.
        shown: A schema to describe it by, where more is checked than its kind knows.
        is_documented: Whether schemas name it.
    """

    is_required: ClassVar[bool] = False
    """Whether it must be there."""

    def __init__(
        self, description: str = "", *, key: str = "", shown: Schema | None = None, is_documented: bool = True
    ) -> None:
        self.description = description
        self.key = key
        self.is_documented = is_documented
        self._shown = shown

    def __set_name__(self, owner: type[Body], name: str) -> None:
        self.key = self.key or name

    @overload
    def __get__(self, body: None, owner: type[Body]) -> Self: ...
    @overload
    def __get__(self, body: Body, owner: type[Body]) -> T: ...
    def __get__(self, body: Body | None, owner: type[Body]) -> Self | T:
        return self if body is None else self.read(body, body.values.get(self.key))

    @abstractmethod
    def read(self, body: Body, value: Any) -> T:
        """Check a value.

        Args:
            body: Where it is from.
            value: As it was sent; None where absent.

        Raises:
            RequestError: If it is missing, has the wrong type or is out of bounds.
        """

    @abstractmethod
    def schema(self) -> Schema:
        """What `read` accepts."""

    def documented(self) -> Schema:
        """The schema with the description."""
        schema = self.schema() if self._shown is None else self._shown
        return schema | {"description": self.description} if self.description else schema


class Anything(Field[Any]):
    """A value of any type, as it was sent."""

    @override
    def read(self, body: Body, value: Any) -> Any:
        return value

    @override
    def schema(self) -> Schema:
        return ANYTHING


class Model(Anything):
    """The model that is asked for; it is read before the dialect reads anything."""

    def __init__(self) -> None:
        super().__init__("Any name; it is echoed. With strictModelNames it must be the served model's.")


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
    """As `Query`, or an object with a `text`."""

    @override
    def read(self, body: Body, value: Any) -> str:
        return self._text(body, value, object_too=True)

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


class Documents(Listed[DocumentList]):
    """A list of documents, each a text or an object with a `text`."""

    @override
    def read(self, body: Body, value: Any) -> DocumentList:
        return self._documents(body, value, _TEXT_ONLY)

    @override
    def schema(self) -> Schema:
        return TEXTS_OR_OBJECTS

    def _documents(self, body: Body, value: Any, keys: Sequence[str]) -> DocumentList:
        items = self.items(body, value)
        texts = texts_of(body.prefix + self.key, items, objects_too=True, keys=keys)
        if texts is items:
            return DocumentList(texts, {})
        return DocumentList(texts, {index: item for index, item in enumerate(items) if isinstance(item, dict)})


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


class Integer(Field[int | None]):
    """A whole number, or None where absent.

    Args:
        description: As of every field.
        minimum: Least value, where there is one.
        key: As of every field.
        shown: As of every field.
    """

    def __init__(
        self, description: str = "", *, minimum: int | None = None, key: str = "", shown: Schema | None = None
    ) -> None:
        super().__init__(description, key=key, shown=shown)
        self._minimum = minimum

    @override
    def read(self, body: Body, value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            found = value if isinstance(value, float) else kind_of(value)
            raise InvalidField(f"{body.named(self.key)} must be a whole number, not {found}.")
        if abs(value) >= _BEYOND:
            raise InvalidField(f"{body.named(self.key)} needs more than 64 bits.", remedy="Send a smaller number.")
        if self._minimum is not None and value < self._minimum:
            raise InvalidField(
                f"{body.named(self.key)} is {value}; it must be at least {self._minimum}.", remedy="Or leave it out."
            )
        return value

    @override
    def schema(self) -> Schema:
        return WHOLE if self._minimum is None else at_least(self._minimum)


class Limit(Integer):
    """A count that must not be negative; zero and absence mean no limit."""

    def __init__(self, description: str = "") -> None:
        super().__init__(description, minimum=0)

    @override
    def read(self, body: Body, value: Any) -> int | None:
        return super().read(body, value) or None


class TopN(Integer):
    """How many results are wanted; None means all, and so does a number below one unless there is a `minimum`."""

    @override
    def read(self, body: Body, value: Any) -> int | None:
        number = super().read(body, value)
        return None if number is None or number <= 0 else number


class OptionalFlag(Field[bool | None]):
    """A truth value, or None where absent; the strings "true" and "false" count, since some clients send them."""

    @override
    def read(self, body: Body, value: Any) -> bool | None:
        return _truth(body, self.key, value)

    @override
    def schema(self) -> Schema:
        return FLAG


def _truth(body: Body, key: str, value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise InvalidField(f"{body.named(key)} must be true or false, not {kind_of(value)}.")


class Flag(Field[bool]):
    """As `OptionalFlag`, with what absence means.

    Args:
        description: As of every field.
        default: What it is where absent.
        key: As of every field.
    """

    def __init__(self, description: str = "", *, default: bool = False, key: str = "") -> None:
        super().__init__(description, key=key)
        self._default = default

    @override
    def read(self, body: Body, value: Any) -> bool:
        flag = _truth(body, self.key, value)
        return self._default if flag is None else flag

    @override
    def schema(self) -> Schema:
        return FLAG


class Choice(Field[C | None]):
    """One of a few words in any case; in lower case, or None where absent.

    Args:
        choices: The words, as an error names them.
        description: As of every field.
    """

    def __init__(self, choices: Sequence[str], description: str = "") -> None:
        super().__init__(description)
        self._choices = choices
        self._known = frozenset(map(str.lower, choices))

    @override
    def read(self, body: Body, value: Any) -> C | None:
        if value is None:
            return None
        if isinstance(value, str) and value.lower() in self._known:
            return cast("C", value.lower())
        found = repr(value[:_SHOWN_CHARACTERS]) if isinstance(value, str) else kind_of(value)
        raise InvalidField(f"{body.named(self.key)} is {found}; it must be one of: {', '.join(self._choices)}.")

    @override
    def schema(self) -> Schema:
        return one_of(*self._choices)


class Refused(Field[None]):
    """A key that must not be there, where ignoring it would be to misunderstand the request.

    Args:
        why: What is said about it.
        remedy: What to do instead.
    """

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__()
        self._why = why
        self._remedy = remedy

    @override
    def read(self, body: Body, value: Any) -> None:
        body.refuse(self.key, self._why, self._remedy)

    @override
    def schema(self) -> Schema:
        return {"type": "null"}
