"""What a dialect is: one client family's words for a request and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from ..ranking.ranking import Ranking
from ..ranking.request import RankRequest
from ..settings import DialectSettings, LongDocuments
from .fields import Fields
from .schema import Schema


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Where a request came in, as far as its meaning depends on it."""

    route: str
    """Path, without the prefix that names a dialect."""

    by_name: bool
    """Whether prefix, header or setting named the dialect; False where route or body did."""

    settings: DialectSettings
    """How strictly the server takes the dialects."""

    long_documents: LongDocuments
    """What the server does with long documents unless the caller says something."""

    def on_long_documents(self, *, may_cut: bool | None) -> LongDocuments | None:
        """The policy behind a caller's yes or no to cutting; None, as the server is set, where it says neither."""
        if may_cut is None:
            return None
        if not may_cut:
            return "reject"
        return "cut" if self.long_documents == "reject" else None


@dataclass(frozen=True, slots=True)
class Part:
    """One of several requests that came in one call."""

    first: int
    """Index of its first document among all documents of the call."""

    after: int
    """Index after its last document."""

    top_n: int | None
    """Most results in its answer; None for all."""


@dataclass(frozen=True, slots=True)
class Call:
    """One parsed request: what to rank, and how its dialect wants the answer."""

    request: RankRequest

    top_n: int | None = None
    """Most results in the answer; None for all."""

    return_documents: bool = False
    """Whether results carry their texts."""

    raw_scores: bool = False
    """True for logits, False for their sigmoids."""

    sent: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """Documents that came as objects, by index: what else they hold is given back."""

    parts: tuple[Part, ...] = ()
    """The requests of one call, where it held several."""

    is_batch: bool = False
    """Whether the answer is a list though one thing was asked, in dialects that answer one thing bare."""

    is_nested: bool = False
    """Whether each score comes in a list of its own, in dialects that have both ways."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a dialect needs besides the ranking."""

    call: Call
    ranking: Ranking

    model: str
    """The model's name as the caller sent it, else the served one's."""

    request_id: str
    context: RequestContext


class Dialect(Protocol):
    """One family of request and answer shapes."""

    name: ClassVar[str]
    """Name in metrics, logs, the X-Rerank-Dialect header and the prefix /dialects/NAME."""

    title: ClassVar[str]
    """One line for the OpenAPI document."""

    route: ClassVar[str]
    """The path that its clients call most."""

    example: ClassVar[dict[str, Any]]
    """A request that works, for the OpenAPI document."""

    body: ClassVar[Schema]
    """Schema of its requests."""

    answer: ClassVar[Schema]
    """Schema of its answers."""

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read a body.

        Raises:
            RequestError: If a field is missing, has the wrong type or is out of bounds.
        """
        ...

    def render(self, reply: Reply) -> Any:
        """Give the answer as JSON values.

        Raises:
            ScoringError: If the dialect has no way to leave out a document that has no score.
        """
        ...


def ranked_indices(reply: Reply, *, ties_high_index_first: bool = False) -> list[int]:
    """Indices of the results to give, best first, `top_n` applied."""
    return reply.ranking.order(ties_high_index_first=ties_high_index_first)[: reply.call.top_n]


def indices_of_parts(reply: Reply, *, ties_high_index_first: bool = False) -> list[list[int]]:
    """Indices of the results of each request of the call, best first, each one's `top_n` applied."""
    parts = reply.call.parts
    shares: list[list[int]] = [[] for _ in parts]
    owners = [number for number, part in enumerate(parts) for _ in range(part.first, part.after)]
    for index in reply.ranking.order(ties_high_index_first=ties_high_index_first):
        shares[owners[index]].append(index)
    return [indices[: part.top_n] for part, indices in zip(parts, shares, strict=True)]


def shown_scores(reply: Reply) -> Sequence[Any]:
    """One float32 per document, sigmoid or logit as asked; NumPy's type is kept, so that its shortest form is sent."""
    return list(reply.ranking.logits if reply.call.raw_scores else reply.ranking.scores)


def every_score(reply: Reply) -> Sequence[Any]:
    """Scores in input order, for answers that are read by position.

    Raises:
        ScoringError: If a document has none; leaving it out would give its neighbours' scores to the wrong texts.
    """
    reply.ranking.require_all()
    return shown_scores(reply)


def usage(ranking: Ranking) -> dict[str, int]:
    """Token counts under the names that clients read."""
    return {"prompt_tokens": ranking.total_tokens, "total_tokens": ranking.total_tokens}


def item_errors(ranking: Ranking) -> list[dict[str, Any]]:
    """The documents that could not be scored, by index."""
    return [
        {"index": index, "code": error.code, "message": error.sentence()}
        for index, error in sorted(ranking.errors.items())
    ]
