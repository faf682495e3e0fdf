"""The dialect of infinity, with documents as plain strings. Only by name: its bodies look like Jina's.

Its own client library is content with Jina's dialect; LiteLLM's `infinity/` is not.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect
from ..documents import DocumentsBody, documents_call
from ..exchange import Ranked
from ..results import frame, ranked_items, with_texts
from ..schema import TEXT, framed, list_of, scored


class InfinityDialect(Dialect[DocumentsBody]):
    """`documents` in, `results` of `{index, relevance_score[, document]}` out, `document` a string."""

    name = "infinity"
    title = "infinity"
    routes = ("/rerank",)
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "return_documents": True,
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    error_object = "by_name"
    lists_problems = True
    body = DocumentsBody
    answer = framed({"results": list_of(scored("relevance_score", {"document": TEXT}))})

    @override
    def parse(self, body: DocumentsBody, context: RequestContext) -> Call:
        return documents_call(body)

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        return frame(ranked, "rerank") | {"results": with_texts(ranked, ranked_items(ranked))}


DIALECT = InfinityDialect()
