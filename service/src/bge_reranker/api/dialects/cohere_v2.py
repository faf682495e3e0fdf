"""The dialect of Cohere's second version: `/v2/rerank`, long documents in chunks.

Source: the client library cohere-python, and Cohere's documentation of long documents.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import Schema
from .jina import DOCUMENTS_BODY, RESULTS_ANSWER
from .results import documents_call, frame, ranked_items, with_documents

_DEFAULT_DOCUMENT_TOKENS = 4_096
"""Tokens of a document that Cohere reads unless told otherwise."""


class CohereV2Dialect:
    """`documents` in, `results` of `{index, relevance_score}` out; the best chunk of a long document counts."""

    name: ClassVar[str] = "cohere-v2"
    title: ClassVar[str] = "Cohere, version 2"
    route: ClassVar[str] = "/v2/rerank"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "top_n": 2,
    }
    body: ClassVar[Schema] = DOCUMENTS_BODY
    answer: ClassVar[Schema] = RESULTS_ANSWER

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `query`, `documents`, `top_n`, `max_tokens_per_doc` and `model`; `priority` has no effect."""
        return documents_call(
            fields,
            long_documents="windows_max",
            max_document_tokens=fields.limit("max_tokens_per_doc") or _DEFAULT_DOCUMENT_TOKENS,
        )

    def render(self, reply: Reply) -> dict[str, Any]:
        """Results best first. Version 2 has no documents in its answer, but LiteLLM asks for them here."""
        return frame(reply, version="2") | {"results": with_documents(reply, ranked_items(reply))}
