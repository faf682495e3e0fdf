"""The dialect of Jina, and of whoever copied it: `documents` to an object with `results`.

Cohere's first version sends the same keys, and each family ignores what only the other reads, so that one answer
serves both; `cohere_v1` adds what is Cohere's own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import (
    DOCUMENTS,
    FLAG,
    LABEL,
    QUERY_OR_OBJECT,
    TEXT_OBJECT,
    WHOLE,
    Schema,
    at_least,
    fields_of,
    framed,
    list_of,
    optional,
    scored,
)
from .results import documents_call, frame, ranked_items, with_documents

DOCUMENTS_BODY: Schema = fields_of(
    {"query": QUERY_OR_OBJECT, "documents": DOCUMENTS},
    {
        "model": LABEL,
        "top_n": WHOLE,
        "return_documents": FLAG,
        "raw_scores": FLAG,
        "max_tokens_per_doc": at_least(0),
        "rank_fields": optional(list_of({"type": "string"})),
    },
)
"""What every family with `documents` accepts."""

RESULTS_ANSWER: Schema = framed({"results": list_of(scored("relevance_score", {"document": TEXT_OBJECT}))})
"""What every family with `results` gives."""


class JinaDialect:
    """`documents` of strings or `{text}` in, `results` of `{index, relevance_score[, document]}` out."""

    name: ClassVar[str] = "jina"
    title: ClassVar[str] = "Jina, and everything that copies it"
    route: ClassVar[str] = "/v1/rerank"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", {"text": "Cheese is made of milk."}],
        "top_n": 1,
        "return_documents": True,
    }
    body: ClassVar[Schema] = DOCUMENTS_BODY
    answer: ClassVar[Schema] = RESULTS_ANSWER

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `query`, `documents`, `top_n`, `return_documents`, `raw_scores` and `model`."""
        return documents_call(fields)

    def render(self, reply: Reply) -> dict[str, Any]:
        """Results best first; `document` only where asked for."""
        # infinity's generated client, which posts to /rerank, accepts this word only.
        object_name = "rerank" if reply.context.route == "/rerank" else "list"
        return frame(reply, object_name) | {"results": with_documents(reply, ranked_items(reply))}
