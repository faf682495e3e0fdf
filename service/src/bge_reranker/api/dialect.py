"""What a dialect declares: one client family's requests, answers and errors, all in its own module.

Reading, schemas, the OpenAPI document, the tables of the documentation and the page's commands are made of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from .call import Call, RequestContext
from .error_form import ErrorForm
from .fields import Body
from .schema import Schema

if TYPE_CHECKING:
    from .exchange import Ranked

B = TypeVar("B", bound=Body)


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Keys that tell a dialect among those with `documents`; one that is null counts, since a client sent it."""

    any_of: frozenset[str]
    none_of: frozenset[str] = frozenset()

    order: int = 0
    """Place among the rules of all dialects: the first that fits decides."""

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Whether a body has one of the keys that tell, and none of those that deny."""
        return not self.any_of.isdisjoint(body) and self.none_of.isdisjoint(body)


class Dialect(ErrorForm, ABC, Generic[B]):
    """One family of request and answer shapes. The first line of its docstring describes it to readers of the API."""

    name: ClassVar[str]
    """Name in metrics, logs, the X-Rerank-Dialect header and the prefix /dialects/NAME."""

    title: ClassVar[str]
    """One line for people."""

    family: ClassVar[str] = ""
    """Name that stands for several dialects, of which the route takes one; the first where it takes none."""

    routes: ClassVar[tuple[str, ...]]
    """Paths that its clients call, the one they call most first; those that are not shared are its own."""

    document_keys: ClassVar[tuple[str, ...]] = ()
    """Keys that hold the documents in its bodies and in no other dialect's."""

    key_rules: ClassVar[tuple[KeyRule, ...]] = ()
    """What tells it among the dialects with `documents`."""

    example: ClassVar[dict[str, Any]]
    """A request that works, as its clients send it."""

    logits: ClassVar[dict[str, Any]] = {}
    """What a request has in addition to be answered in logits, where it can be."""

    answer: ClassVar[Schema]
    """Schema of its answers."""

    body: type[B]
    """Its requests."""

    @property
    def summary(self) -> str:
        """What goes in and what comes out, in a line."""
        return (self.__doc__ or "").partition("\n")[0]

    @abstractmethod
    def parse(self, body: B, context: RequestContext) -> Call:
        """Read a body.

        Raises:
            RequestError: If a field is missing, has the wrong type or is out of bounds.
        """

    @abstractmethod
    def render(self, ranked: Ranked) -> Any:
        """Give the answer as JSON values.

        Raises:
            ScoringError: If the dialect has no way to leave out a document that has no score.
        """

    def read(self, values: Mapping[str, Any], max_documents: int, context: RequestContext) -> Call:
        """Read a parsed JSON object.

        Args:
            values: The object.
            max_documents: Most documents that one request may hold.
            context: What its meaning depends on besides.

        Raises:
            RequestError: If a field is missing, has the wrong type or is out of bounds.
        """
        return self.parse(self.body(values, max_documents), context)
