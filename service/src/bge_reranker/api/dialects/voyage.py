"""The dialect of Voyage: `documents` and `top_k` to `data`, with documents as plain strings."""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect, KeyRule
from ..documents import DocumentsBody, documents_call
from ..error_form import BAD_REQUEST, Remedies
from ..exchange import Ranked
from ..fields import OptionalFlag, TopN
from ..results import frame, ranked_items, with_texts
from ..schema import TEXT, framed, list_of, scored


class VoyageBody(DocumentsBody):
    """As Jina's, with `top_k` and `truncation`."""

    top_n = TopN("Most results; all where absent, zero or negative.", key="top_k")
    truncation = OptionalFlag("Whether a document that does not fit is cut or refused.")


class VoyageDialect(Dialect[VoyageBody]):
    """`documents` in, `data` of `{index, relevance_score[, document]}` out."""

    name = "voyage"
    title = "Voyage"
    routes = ("/v1/rerank",)
    key_rules = (
        KeyRule(frozenset({"truncation"}), order=2),
        KeyRule(frozenset({"top_k"}), none_of=frozenset({"top_n"}), order=2),
    )
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "truncation": True,
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    statuses = BAD_REQUEST
    remedies = Remedies(long_document="Shorten it, or send `truncation`: true.")
    body = VoyageBody
    answer = framed({"data": list_of(scored("relevance_score", {"document": TEXT}))})

    @override
    def parse(self, body: VoyageBody, context: RequestContext) -> Call:
        return documents_call(body, long_documents=context.on_long_documents(may_cut=body.truncation))

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        return frame(ranked) | {"data": with_texts(ranked, ranked_items(ranked))}


DIALECT = VoyageDialect()
