"""The dialect of SGLang: `documents` to a bare array. Only by name: its bodies look like Jina's."""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect
from ..documents import DocumentsBody, documents_call
from ..error_form import BAD_REQUEST
from ..exchange import Ranked
from ..fields import Flag
from ..results import ranked_items, with_texts
from ..schema import TEXT, list_of, scored


class SglangBody(DocumentsBody):
    """As Jina's, with documents given back unless refused."""

    return_documents = Flag("Whether results carry their documents; true where absent.", default=True)


class SglangDialect(Dialect[SglangBody]):
    """`documents` in, an array of `{index, score[, document]}` out, best first."""

    name = "sglang"
    title = "SGLang"
    routes = ("/v1/rerank",)
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    statuses = BAD_REQUEST
    body = SglangBody
    answer = list_of(scored("score", {"document": TEXT}))

    @override
    def parse(self, body: SglangBody, context: RequestContext) -> Call:
        return documents_call(body)

    @override
    def render(self, ranked: Ranked) -> list[dict[str, Any]]:
        # One without a score is left out, and the X-Rerank-Errors header names it.
        return with_texts(ranked, ranked_items(ranked, "score"))


DIALECT = SglangDialect()
