"""The dialect of mixedbread: `input` and `top_k` to `data`."""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ...errors import InvalidField
from ..call import Call, RequestContext
from ..dialect import Dialect
from ..documents import DocumentsBody, documents_call
from ..exchange import Ranked
from ..fields import DocumentsByFields, Flag, TopN
from ..results import frame, ranked_items
from ..schema import TEXT, framed, list_of, scored


class MixedbreadBody(DocumentsBody):
    """The same fields under mixedbread's keys."""

    documents = DocumentsByFields(DocumentsBody.rank_fields, key="input")
    top_n = TopN("Most results; all where absent, zero or negative.", key="top_k")
    return_documents = Flag("Whether results carry their documents.", key="return_input")


class MixedbreadDialect(Dialect[MixedbreadBody]):
    """`input` in, `data` of `{index, score[, input]}` out."""

    name = "mixedbread"
    title = "mixedbread"
    routes = ("/v1/reranking",)
    document_keys = ("input",)
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "input": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "return_input": True,
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    body = MixedbreadBody
    answer = framed({"data": list_of(scored("score", {"input": {"anyOf": [TEXT, {"type": "object"}]}}))})

    @override
    def parse(self, body: MixedbreadBody, context: RequestContext) -> Call:
        if isinstance(body.values.get("input"), dict):
            # Alibaba's Model Studio keeps the request in `input` and its options in `parameters`.
            raise InvalidField(
                "`input` is an object; it must be a list of documents.",
                remedy="Send `query` and `documents` at the top of the body, and `top_n` and `return_documents` too, "
                "instead of inside `input` and `parameters`.",
            )
        return documents_call(body)

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        # What came as an object goes back as one.
        items = ranked_items(ranked, "score")
        for item in items:
            item["object"] = "rank_result"
            if ranked.call.return_documents:
                index = item["index"]
                text = ranked.call.request.documents[index]
                item["input"] = ranked.call.sent.get(index, text)
        return frame(ranked) | {"data": items}


DIALECT = MixedbreadDialect()
