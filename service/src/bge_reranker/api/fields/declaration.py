"""Typed request bodies: a field says how it is read, within which bounds, and how a schema describes it.

A field is checked when it is read, with an error that names it, what was found and what is allowed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from typing_extensions import override

from ...errors import InvalidField, TooManyDocuments
from ..schema import ANYTHING, Schema, fields_of

T = TypeVar("T")
B = TypeVar("B", bound="Body")


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
