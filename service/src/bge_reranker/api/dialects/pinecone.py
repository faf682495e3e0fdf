"""The dialect of Pinecone: documents as objects to `data` with `score`. Only by name: its bodies look like Jina's."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect
from ..documents import DocumentsBody, documents_call
from ..error_form import BAD_REQUEST, Remedies
from ..exchange import Ranked
from ..fields import Body, Choice, Flag, Nested
from ..results import frame, ranked_items
from ..schema import framed, list_of, scored


class PineconeParameters(Body):
    """Parameters of Pinecone's models."""

    truncate: Choice[Literal["none", "end"]] = Choice(("NONE", "END"), "Whether a long document is refused or cut.")


class PineconeBody(DocumentsBody):
    """As Jina's, with documents given back unless refused."""

    return_documents = Flag("Whether results carry their documents; true where absent.", default=True)
    parameters = Nested(PineconeParameters)


class PineconeDialect(Dialect[PineconeBody]):
    """`documents` in, `data` of `{index, score[, document]}` out."""

    name = "pinecone"
    title = "Pinecone"
    routes = ("/rerank",)
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": [
            {"text": "Deep Learning is a branch of machine learning."},
            {"id": "2", "text": "Cheese is made of milk."},
        ],
        "rank_fields": ["text"],
        "return_documents": True,
        "parameters": {"truncate": "END"},
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    statuses = BAD_REQUEST
    remedies = Remedies(long_document='Shorten it, or send `parameters`: {"truncate": "END"}.')
    body = PineconeBody
    answer = framed({"data": list_of(scored("score", {"document": {"type": "object"}}))})

    @override
    def parse(self, body: PineconeBody, context: RequestContext) -> Call:
        parameters = body.parameters
        truncate = None if parameters is None else parameters.truncate
        may_cut = None if truncate is None else truncate == "end"
        return documents_call(body, long_documents=context.on_long_documents(may_cut=may_cut))

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        framed_answer = frame(ranked)
        framed_answer["usage"] = framed_answer["usage"] | {"rerank_units": 1}
        items = ranked_items(ranked, "score")
        if ranked.call.return_documents:
            # An object goes back as it came, a string as an object with `text`.
            for item in items:
                index = item["index"]
                item["document"] = ranked.call.sent.get(index, {"text": ranked.call.request.documents[index]})
        return framed_answer | {"data": items}


DIALECT = PineconeDialect()
