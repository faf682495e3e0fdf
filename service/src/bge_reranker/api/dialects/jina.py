"""The dialect of Jina, and of whoever copied it: `documents` to an object with `results`.

Cohere's first version sends the same keys, and each family ignores what only the other reads, so that one answer
serves both; `cohere_v1` adds what is Cohere's own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect
from ..documents import DocumentsBody, documents_call
from ..exchange import Ranked
from ..results import RESULTS_ANSWER, frame, object_name, ranked_items, with_documents


class JinaDialect(Dialect[DocumentsBody]):
    """`documents` of strings or `{text}` in, `results` of `{index, relevance_score[, document]}` out."""

    name = "jina"
    title = "Jina, and everything that copies it"
    routes = ("/v1/rerank",)
    document_keys = ("documents",)
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", {"text": "Cheese is made of milk."}],
        "return_documents": True,
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    body = DocumentsBody
    answer = RESULTS_ANSWER

    @override
    def parse(self, body: DocumentsBody, context: RequestContext) -> Call:
        return documents_call(body)

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        return frame(ranked, object_name(ranked)) | {"results": with_documents(ranked, ranked_items(ranked))}


DIALECT = JinaDialect()
