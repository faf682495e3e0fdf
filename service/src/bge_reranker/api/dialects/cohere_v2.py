"""The dialect of Cohere's second version: `/v2/rerank`, long documents in chunks.

Source: the client library cohere-python, and Cohere's documentation of long documents.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect
from ..documents import DocumentsBody, documents_call
from ..error_form import Statuses
from ..exchange import Ranked
from ..fields import Priority
from ..results import RESULTS_ANSWER, frame, ranked_items, with_documents

_DEFAULT_DOCUMENT_TOKENS = 4_096
"""Tokens of a document that Cohere reads unless told otherwise."""


class CohereV2Body(DocumentsBody):
    """As of every family with `documents`, with a priority."""

    priority = Priority()


class CohereV2Dialect(Dialect[CohereV2Body]):
    """`documents` in, `results` of `{index, relevance_score}` out; the best chunk of a long document counts."""

    name = "cohere-v2"
    title = "Cohere, version 2"
    family = "cohere"
    routes = ("/v2/rerank",)
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "max_tokens_per_doc": 4096,
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    statuses = Statuses(bad_json=400)
    body = CohereV2Body
    answer = RESULTS_ANSWER

    @override
    def parse(self, body: CohereV2Body, context: RequestContext) -> Call:
        return documents_call(
            body,
            long_documents="windows_max",
            max_document_tokens=body.max_tokens_per_doc or _DEFAULT_DOCUMENT_TOKENS,
            priority=body.priority,
        )

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        # Version 2 has no documents in its answer, but LiteLLM asks for them here.
        return frame(ranked, version="2") | {"results": with_documents(ranked, ranked_items(ranked))}


DIALECT = CohereV2Dialect()
