"""The dialect of Cohere's first version: `documents` in chunks, `rank_fields`, `meta`.

Source: the client library cohere-python, and Cohere's documentation of long documents.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import Schema, at_least
from .jina import DOCUMENTS_BODY, RESULTS_ANSWER
from .results import documents_call, frame, ranked_items, with_documents

_DEFAULT_CHUNKS = 10
"""Chunks of a document that Cohere reads unless told otherwise."""


class CohereV1Dialect:
    """As Jina's, but a long document is read in chunks, and its best chunk counts."""

    name: ClassVar[str] = "cohere-v1"
    title: ClassVar[str] = "Cohere, version 1"
    route: ClassVar[str] = "/v1/rerank"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": [{"text": "Deep Learning is a branch of machine learning."}, {"text": "Cheese is made of milk."}],
        "max_chunks_per_doc": 4,
        "return_documents": True,
    }
    body: ClassVar[Schema] = {
        **DOCUMENTS_BODY,
        "properties": {
            **DOCUMENTS_BODY["properties"],
            "max_chunks_per_doc": at_least(0),
            "overlap_tokens": at_least(0),
        },
    }
    answer: ClassVar[Schema] = RESULTS_ANSWER

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read what Jina's dialect reads, `rank_fields`, `max_chunks_per_doc`, and SiliconFlow's `overlap_tokens`."""
        chunks = fields.limit("max_chunks_per_doc")
        # xinference's client sends the key with null to say nothing; then long documents go as the server is set.
        in_chunks = context.by_name or chunks is not None
        return documents_call(
            fields,
            long_documents="windows_max" if in_chunks else None,
            max_windows=(chunks or _DEFAULT_CHUNKS) if in_chunks else None,
            window_overlap_tokens=fields.integer("overlap_tokens", minimum=0),
            names={"window_overlap_tokens": "overlap_tokens"},
        )

    def render(self, reply: Reply) -> dict[str, Any]:
        """Results best first; `document` only where asked for."""
        object_name = "rerank" if reply.context.route == "/rerank" else "list"
        return frame(reply, object_name) | {"results": with_documents(reply, ranked_items(reply))}
