"""The dialect of text-embeddings-inference: `{"query", "texts"}` to a bare array.

Source: router/src/http/{types,server}.rs of text-embeddings-inference 1.9.3.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, cast, get_args

from ..errors import BodyTooLarge, CapacityError, EmptyField, InvalidBody, RequestError, RerankerError
from ..ranking.request import RankRequest
from ..settings import Direction
from .dialect import Call, Reply, error_body, ranked_indices, shown_scores
from .fields import Fields


class TeiDialect:
    """`texts` in, an array of `{index, score[, text]}` out, best first, ties with the higher index first."""

    name: ClassVar[str] = "tei"
    example: ClassVar[dict[str, Any]] = {
        "query": "What is Deep Learning?",
        "texts": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
    }

    def parse(self, fields: Fields) -> Call:
        """Read `query`, `texts`, `truncate`, `truncation_direction`, `raw_scores` and `return_text`."""
        direction = fields.choice("truncation_direction", get_args(Direction))
        request = RankRequest(
            query=fields.query(),
            documents=fields.documents("texts"),
            truncation_direction=cast("Direction | None", direction),
        )
        if not fields.boolean("truncate", default=True):
            request = replace(request, long_documents="reject")
        return Call(
            request=request,
            return_documents=fields.boolean("return_text", default=False),
            raw_scores=fields.boolean("raw_scores", default=False),
        )

    def render(self, reply: Reply) -> list[dict[str, Any]]:
        """One item per scored text; a text without a score is left out, and the X-Rerank-Errors header names it."""
        documents, scores = reply.call.request.documents, shown_scores(reply)
        items: list[dict[str, Any]] = []
        for index in ranked_indices(reply, ties_high_index_first=True):
            item = {"index": index, "score": scores[index]}
            if reply.call.return_documents:
                item["text"] = documents[index]
            items.append(item)
        return items

    def render_error(self, error: RerankerError) -> tuple[int, dict[str, Any]]:
        """The peer's status and kind of error; our code stays in `code`."""
        status, kind = _status_and_kind(error)
        return status, error_body(error) | {"error_type": kind}


def _status_and_kind(error: RerankerError) -> tuple[int, str]:
    if isinstance(error, InvalidBody):
        return 400, "Validation"
    if isinstance(error, BodyTooLarge):
        return error.status, "Validation"
    if isinstance(error, EmptyField):
        return 400, "Empty"
    if isinstance(error, RequestError):
        return error.status, "Validation"
    if isinstance(error, CapacityError):
        return error.status, "Overloaded" if error.code == "QueueFull" else "Unhealthy"
    return 424, "Backend"
