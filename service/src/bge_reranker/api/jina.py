"""The dialect of Jina and Cohere's first version: `{"query", "documents"}` to an object with `results`.

Both families send the same keys and each ignores what only the other reads, so one answer serves both.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..errors import RerankerError
from ..ranking.request import RankRequest
from .dialect import Call, Reply, error_body, item_errors, ranked_indices, shown_scores, usage
from .fields import Fields


class JinaDialect:
    """`documents` of strings or `{text}` in, `results` of `{index, relevance_score[, document]}` out."""

    name: ClassVar[str] = "jina"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", {"text": "Cheese is made of milk."}],
        "top_n": 1,
        "return_documents": True,
    }

    def parse(self, fields: Fields) -> Call:
        """Read `query`, `documents`, `top_n`, `return_documents` and `model`."""
        return Call(
            request=RankRequest(query=fields.query(), documents=fields.documents("documents", objects_too=True)),
            top_n=fields.top_n(zero_means_all=True),
            return_documents=fields.boolean("return_documents", default=False),
            model=fields.label("model"),
        )

    def render(self, reply: Reply) -> dict[str, Any]:
        """Results best first; `document` only where asked for, and then an object, since a null breaks clients."""
        documents, scores = reply.call.request.documents, shown_scores(reply)
        results: list[dict[str, Any]] = []
        for index in ranked_indices(reply):
            result = {"index": index, "relevance_score": scores[index]}
            if reply.call.return_documents:
                result["document"] = {"text": documents[index]}
            results.append(result)
        tokens = usage(reply.ranking)
        body: dict[str, Any] = {
            "id": reply.request_id,
            # infinity's generated client, which posts to /rerank, accepts this word only.
            "object": "rerank" if reply.route == "/rerank" else "list",
            "model": reply.call.model or reply.model,
            "results": results,
            "usage": tokens,
            "meta": {
                "api_version": {"version": "1"},
                "billed_units": {"search_units": 1},
                "tokens": {"input_tokens": tokens["total_tokens"]},
            },
        }
        if reply.ranking.errors:
            body["errors"] = item_errors(reply.ranking)
        return body

    def render_error(self, error: RerankerError) -> tuple[int, dict[str, Any]]:
        """The error's own status; clients of this family read `detail` or `message`."""
        return error.status, error_body(error)
