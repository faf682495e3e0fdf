"""The dialect of Cohere's first version: `documents` in chunks, `rank_fields`, `meta`.

Source: the client library cohere-python, and Cohere's documentation of long documents.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect, KeyRule
from ..documents import DocumentsBody, documents_call
from ..error_form import Statuses
from ..exchange import Ranked
from ..fields import Integer, Limit
from ..results import RESULTS_ANSWER, frame, object_name, ranked_items, with_documents

_DEFAULT_CHUNKS = 10
"""Chunks of a document that Cohere reads unless told otherwise."""


class CohereV1Body(DocumentsBody):
    """As Jina's, and SiliconFlow's `overlap_tokens`."""

    max_chunks_per_doc = Limit("Most chunks of a document that are read; the best one counts.")
    overlap_tokens = Integer("Tokens that two neighbouring chunks share.", minimum=0)


class CohereV1Dialect(Dialect[CohereV1Body]):
    """As Jina's, but a long document is read in chunks, and its best chunk counts."""

    name = "cohere-v1"
    title = "Cohere, version 1"
    family = "cohere"
    routes = ("/v1/rerank",)
    key_rules = (KeyRule(frozenset({"max_chunks_per_doc", "rank_fields"}), order=4),)
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": [{"text": "Deep Learning is a branch of machine learning."}, {"text": "Cheese is made of milk."}],
        "max_chunks_per_doc": 4,
        "return_documents": True,
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    statuses = Statuses(bad_json=400)
    body = CohereV1Body
    answer = RESULTS_ANSWER

    @override
    def parse(self, body: CohereV1Body, context: RequestContext) -> Call:
        chunks = body.max_chunks_per_doc
        # xinference's client sends the key with null to say nothing; then long documents go as the server is set.
        in_chunks = context.by_name or chunks is not None
        return documents_call(
            body,
            long_documents="windows_max" if in_chunks else None,
            max_windows=(chunks or _DEFAULT_CHUNKS) if in_chunks else None,
            window_overlap_tokens=body.overlap_tokens,
            names={"window_overlap_tokens": "overlap_tokens"},
        )

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        return frame(ranked, object_name(ranked)) | {"results": with_documents(ranked, ranked_items(ranked))}


DIALECT = CohereV1Dialect()
