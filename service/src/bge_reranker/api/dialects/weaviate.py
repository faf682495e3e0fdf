"""The dialect of Weaviate's reranker module: scores in the order of the documents, matched by position."""

from __future__ import annotations

from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext, shown_scores
from ..fields import Fields
from ..schema import DOCUMENTS, NUMBER, QUERY_OR_OBJECT, TEXT, Schema, fields_of, framed, list_of
from .results import documents_call, frame


class WeaviateDialect:
    """`documents` and `property` in, `scores` of `{document, score}` in input order out."""

    name: ClassVar[str] = "weaviate"
    title: ClassVar[str] = "Weaviate, reranker-transformers"
    route: ClassVar[str] = "/rerank"
    example: ClassVar[dict[str, Any]] = {
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "property": "",
    }
    body: ClassVar[Schema] = fields_of({"query": QUERY_OR_OBJECT, "documents": DOCUMENTS}, {"property": {}})
    answer: ClassVar[Schema] = framed(
        {"query": TEXT, "scores": list_of(fields_of({"document": TEXT, "score": NUMBER}))}
    )

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `query` and `documents`."""
        return documents_call(fields)

    def render(self, reply: Reply) -> dict[str, Any]:
        """One score per document, by position: a document without a score holds its place with 0.0 and is named."""
        request, errors = reply.call.request, reply.ranking.errors
        scores = [
            {"document": document, "score": 0.0 if index in errors else score}
            for index, (document, score) in enumerate(zip(request.documents, shown_scores(reply), strict=True))
        ]
        return frame(reply) | {"query": request.query, "scores": scores}
