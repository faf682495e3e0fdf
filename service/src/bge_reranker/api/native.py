"""The native dialect: `{"query", "candidates"}` to ranked texts, scores, token counts and what was truncated."""

from __future__ import annotations

from typing import Any, ClassVar, cast, get_args

from ..errors import RerankerError
from ..ranking.request import RankRequest
from ..settings import Direction, LongDocuments, Truncation
from .dialect import Call, Reply, error_body, item_errors, ranked_indices, shown_scores, usage
from .fields import Fields


class NativeDialect:
    """Our own shape; the only one with room for everything we know about a result."""

    name: ClassVar[str] = "native"
    example: ClassVar[dict[str, Any]] = {
        "query": "人工智能发展趋势",
        "candidates": ["AI在医疗的应用", "深度学习框架对比", "区块链技术解析"],
    }

    def parse(self, fields: Fields) -> Call:
        """Read `query`, `candidates` and the options of one request."""
        request = RankRequest(
            query=fields.query(),
            documents=fields.documents("candidates"),
            truncation=cast("Truncation | None", fields.choice("truncation", get_args(Truncation))),
            truncation_direction=cast("Direction | None", fields.choice("truncation_direction", get_args(Direction))),
            max_pair_tokens=fields.integer("max_pair_tokens"),
            max_query_tokens=fields.integer("max_query_tokens"),
            long_documents=cast("LongDocuments | None", fields.choice("long_documents", get_args(LongDocuments))),
        )
        return Call(
            request=request,
            top_n=fields.top_n(zero_means_all=False),
            return_documents=True,
            raw_scores=fields.boolean("raw_scores", default=False),
            model=fields.label("model"),
        )

    def render(self, reply: Reply) -> dict[str, Any]:
        """Ranked texts, results best first, model and usage."""
        documents, ranking, scores = reply.call.request.documents, reply.ranking, shown_scores(reply)
        indices = ranked_indices(reply)
        tokens, truncated = ranking.tokens.tolist(), ranking.truncated.tolist()
        body: dict[str, Any] = {
            "ranked_candidates": [documents[index] for index in indices],
            "results": [
                {
                    "index": index,
                    "score": scores[index],
                    "text": documents[index],
                    "tokens": tokens[index],
                    "truncated": truncated[index],
                }
                for index in indices
            ],
            "model": reply.call.model or reply.model,
            "usage": usage(ranking),
            "id": reply.request_id,
        }
        if ranking.errors:
            body["errors"] = item_errors(ranking)
        return body

    def render_error(self, error: RerankerError) -> tuple[int, dict[str, Any]]:
        """The error's own status, and every client's keys."""
        return error.status, error_body(error)
