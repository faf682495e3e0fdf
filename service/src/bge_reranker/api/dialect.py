"""What a dialect is: one client family's words for a request, its answer and its errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ..errors import RerankerError
from ..ranking.ranking import Ranking
from ..ranking.request import RankRequest
from .fields import Fields


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

    model: str | None = None
    """Model name that the caller sent, echoed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a dialect needs besides the ranking."""

    call: Call
    ranking: Ranking
    model: str
    request_id: str
    route: str


class Dialect(Protocol):
    """One family of request and answer shapes."""

    name: ClassVar[str]
    """Name in metrics, logs and the X-Rerank-Dialect header."""

    example: ClassVar[dict[str, Any]]
    """A request that works, for the OpenAPI document."""

    def parse(self, fields: Fields) -> Call:
        """Read a body.

        Raises:
            RequestError: If a field is missing, has the wrong type or is out of bounds.
        """
        ...

    def render(self, reply: Reply) -> Any:
        """Give the answer as JSON values."""
        ...

    def render_error(self, error: RerankerError) -> tuple[int, dict[str, Any]]:
        """Give status and body of an error."""
        ...


def error_body(error: RerankerError) -> dict[str, Any]:
    """An error in the words of every client at once: each finds the key that it reads."""
    return dict(error.as_keys())


def ranked_indices(reply: Reply, *, ties_high_index_first: bool = False) -> list[int]:
    """Indices of the results to give, best first, `top_n` applied."""
    return reply.ranking.order(ties_high_index_first=ties_high_index_first)[: reply.call.top_n]


def shown_scores(reply: Reply) -> list[Any]:
    """One float32 per document, sigmoid or logit as asked; NumPy's type is kept, so that its shortest form is sent."""
    return list(reply.ranking.logits if reply.call.raw_scores else reply.ranking.scores)


def usage(ranking: Ranking) -> dict[str, int]:
    """Token counts under the names that clients read."""
    return {"prompt_tokens": ranking.total_tokens, "total_tokens": ranking.total_tokens}


def item_errors(ranking: Ranking) -> list[dict[str, Any]]:
    """The documents that could not be scored, by index."""
    return [
        {"index": index, "code": error.code, "message": error.sentence()}
        for index, error in sorted(ranking.errors.items())
    ]
