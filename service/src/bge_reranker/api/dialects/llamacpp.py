"""The dialect of llama.cpp's server: Jina's or TEI's words, raw logits. Only by name: its bodies look like theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import (
    DOCUMENTS,
    FLAG,
    LABEL,
    QUERY_OR_OBJECT,
    TEXT,
    TEXT_OBJECT,
    WHOLE,
    Schema,
    fields_of,
    framed,
    list_of,
    scored,
)
from .results import documents_call, frame, ranked_items, with_documents, with_texts

_OPTIONS: dict[str, Schema] = {"model": LABEL, "top_n": WHOLE}


class LlamaCppDialect:
    """`documents` in, `results` out; `texts` in, a bare array out. Scores are logits."""

    name: ClassVar[str] = "llamacpp"
    title: ClassVar[str] = "llama.cpp"
    route: ClassVar[str] = "/v1/rerank"
    example: ClassVar[dict[str, Any]] = {
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "top_n": 2,
    }
    body: ClassVar[Schema] = {
        "anyOf": [
            fields_of({"query": QUERY_OR_OBJECT, "documents": DOCUMENTS}, {**_OPTIONS, "return_documents": FLAG}),
            fields_of({"query": QUERY_OR_OBJECT, "texts": DOCUMENTS}, {**_OPTIONS, "return_text": FLAG}),
        ]
    }
    answer: ClassVar[Schema] = {
        "anyOf": [
            framed({"results": list_of(scored("relevance_score", {"document": TEXT_OBJECT}))}),
            list_of(scored("score", {"text": TEXT})),
        ]
    }

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `query`, `documents` or `texts`, `top_n` and the wish to get them back."""
        if fields.has("texts"):
            call = documents_call(fields, key="texts", give="return_text")
        else:
            call = documents_call(fields)
        return replace(call, raw_scores=True, is_batch=fields.has("texts"))

    def render(self, reply: Reply) -> Any:
        """Best first, in the form of the question."""
        if reply.call.is_batch:
            return with_texts(reply, ranked_items(reply, "score"), "text")
        return frame(reply) | {"results": with_documents(reply, ranked_items(reply))}
