"""The dialect of infinity, with documents as plain strings. Only by name: its bodies look like Jina's.

Its own client library is content with Jina's dialect; LiteLLM's `infinity/` is not.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import TEXT, Schema, framed, list_of, scored
from .jina import DOCUMENTS_BODY
from .results import documents_call, frame, ranked_items, with_texts


class InfinityDialect:
    """`documents` in, `results` of `{index, relevance_score[, document]}` out, `document` a string."""

    name: ClassVar[str] = "infinity"
    title: ClassVar[str] = "infinity"
    route: ClassVar[str] = "/rerank"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "return_documents": True,
    }
    body: ClassVar[Schema] = DOCUMENTS_BODY
    answer: ClassVar[Schema] = framed({"results": list_of(scored("relevance_score", {"document": TEXT}))})

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `query`, `documents`, `top_n`, `return_documents`, `raw_scores` and `model`."""
        return documents_call(fields)

    def render(self, reply: Reply) -> dict[str, Any]:
        """Results best first."""
        return frame(reply, "rerank") | {"results": with_texts(reply, ranked_items(reply))}
