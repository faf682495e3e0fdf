"""The dialect of mixedbread: `input` and `top_k` to `data`."""

from __future__ import annotations

from typing import Any, ClassVar

from ...errors import InvalidField
from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import (
    DOCUMENTS,
    FLAG,
    LABEL,
    QUERY_OR_OBJECT,
    TEXT,
    WHOLE,
    Schema,
    fields_of,
    framed,
    list_of,
    optional,
    scored,
)
from .results import documents_call, frame, ranked_items


class MixedbreadDialect:
    """`input` in, `data` of `{index, score[, input]}` out."""

    name: ClassVar[str] = "mixedbread"
    title: ClassVar[str] = "mixedbread"
    route: ClassVar[str] = "/v1/reranking"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "input": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "top_k": 2,
        "return_input": True,
    }
    body: ClassVar[Schema] = fields_of(
        {"query": QUERY_OR_OBJECT, "input": DOCUMENTS},
        {"model": LABEL, "top_k": WHOLE, "return_input": FLAG, "rank_fields": optional(list_of({"type": "string"}))},
    )
    answer: ClassVar[Schema] = framed(
        {"data": list_of(scored("score", {"input": {"anyOf": [TEXT, {"type": "object"}]}}))}
    )

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `query`, `input`, `top_k`, `return_input`, `rank_fields` and `model`."""
        if isinstance(fields.value("input"), dict):
            # Alibaba's Model Studio keeps the request in `input` and its options in `parameters`.
            raise InvalidField(
                "`input` is an object; it must be a list of documents.",
                remedy="Send `query` and `documents` at the top of the body, and `top_n` and `return_documents` too, "
                "instead of inside `input` and `parameters`.",
            )
        return documents_call(fields, key="input", top="top_k", give="return_input")

    def render(self, reply: Reply) -> dict[str, Any]:
        """Data best first; what came as an object goes back as one."""
        items = ranked_items(reply, "score")
        for item in items:
            item["object"] = "rank_result"
            if reply.call.return_documents:
                index = item["index"]
                text = reply.call.request.documents[index]
                item["input"] = reply.call.sent.get(index, text)
        return frame(reply) | {"data": items}
