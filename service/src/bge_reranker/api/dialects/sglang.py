"""The dialect of SGLang: `documents` to a bare array. Only by name: its bodies look like Jina's."""

from __future__ import annotations

from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import TEXT, Schema, list_of, scored
from .jina import DOCUMENTS_BODY
from .results import documents_call, ranked_items, with_texts


class SglangDialect:
    """`documents` in, an array of `{index, score[, document]}` out, best first."""

    name: ClassVar[str] = "sglang"
    title: ClassVar[str] = "SGLang"
    route: ClassVar[str] = "/v1/rerank"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
    }
    body: ClassVar[Schema] = DOCUMENTS_BODY
    answer: ClassVar[Schema] = list_of(scored("score", {"document": TEXT}))

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `query`, `documents`, `top_n` and `return_documents`, which SGLang does unless told not to."""
        return documents_call(fields, gives_by_default=True)

    def render(self, reply: Reply) -> list[dict[str, Any]]:
        """Items best first; one without a score is left out, and the X-Rerank-Errors header names it."""
        return with_texts(reply, ranked_items(reply, "score"))
