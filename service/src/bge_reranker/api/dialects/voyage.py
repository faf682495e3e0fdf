"""The dialect of Voyage: `documents` and `top_k` to `data`, with documents as plain strings."""

from __future__ import annotations

from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import DOCUMENTS, FLAG, LABEL, QUERY_OR_OBJECT, TEXT, WHOLE, Schema, fields_of, framed, list_of, scored
from .results import documents_call, frame, ranked_items, with_texts


class VoyageDialect:
    """`documents` in, `data` of `{index, relevance_score[, document]}` out."""

    name: ClassVar[str] = "voyage"
    title: ClassVar[str] = "Voyage"
    route: ClassVar[str] = "/v1/rerank"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "top_k": None,
        "truncation": True,
    }
    body: ClassVar[Schema] = fields_of(
        {"query": QUERY_OR_OBJECT, "documents": DOCUMENTS},
        {"model": LABEL, "top_k": WHOLE, "truncation": FLAG, "return_documents": FLAG},
    )
    answer: ClassVar[Schema] = framed({"data": list_of(scored("relevance_score", {"document": TEXT}))})

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read `query`, `documents`, `top_k`, `truncation`, `return_documents` and `model`."""
        long_documents = context.on_long_documents(may_cut=fields.flag("truncation"))
        return documents_call(fields, top="top_k", long_documents=long_documents)

    def render(self, reply: Reply) -> dict[str, Any]:
        """Data best first."""
        return frame(reply) | {"data": with_texts(reply, ranked_items(reply))}
