"""The dialect of Pinecone: documents as objects to `data` with `score`. Only by name: its bodies look like Jina's."""

from __future__ import annotations

from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import Schema, fields_of, framed, list_of, optional, scored, words
from .jina import DOCUMENTS_BODY
from .results import documents_call, frame, ranked_items


class PineconeDialect:
    """`documents` in, `data` of `{index, score[, document]}` out."""

    name: ClassVar[str] = "pinecone"
    title: ClassVar[str] = "Pinecone"
    route: ClassVar[str] = "/rerank"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": [{"id": "1", "text": "Deep Learning is a branch of machine learning."}, {"text": "Cheese."}],
        "rank_fields": ["text"],
        "top_n": 2,
        "return_documents": True,
        "parameters": {"truncate": "END"},
    }
    body: ClassVar[Schema] = {
        **DOCUMENTS_BODY,
        "properties": {
            **DOCUMENTS_BODY["properties"],
            "parameters": optional(fields_of({}, {"truncate": words("NONE", "END")})),
        },
    }
    answer: ClassVar[Schema] = framed({"data": list_of(scored("score", {"document": {"type": "object"}}))})

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read `query`, `documents`, `rank_fields`, `top_n`, `return_documents`, `parameters.truncate` and `model`."""
        may_cut = None
        if fields.has("parameters"):
            parameters = fields.part("parameters", fields.value("parameters"))
            may_cut = {"none": False, "end": True}.get(parameters.choice("truncate", ("NONE", "END")) or "")
        long_documents = context.on_long_documents(may_cut=may_cut)
        return documents_call(fields, gives_by_default=True, long_documents=long_documents)

    def render(self, reply: Reply) -> dict[str, Any]:
        """Data best first; an object goes back as it came, a string as an object with `text`."""
        framed_reply = frame(reply)
        framed_reply["usage"] = framed_reply["usage"] | {"rerank_units": 1}
        items = ranked_items(reply, "score")
        if reply.call.return_documents:
            for item in items:
                index = item["index"]
                item["document"] = reply.call.sent.get(index, {"text": reply.call.request.documents[index]})
        return framed_reply | {"data": items}
