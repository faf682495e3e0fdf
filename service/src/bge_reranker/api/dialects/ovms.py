"""The dialect of OpenVINO Model Server: `/v3/rerank`, long documents in chunks without overlap.

Source: src/rerank/rerank_calculator_ov.cc of OpenVINO Model Server.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect
from ..documents import DocumentsBody, documents_call
from ..error_form import BAD_REQUEST
from ..exchange import Ranked
from ..results import RESULTS_ANSWER, frame, ranked_items, with_documents


class OvmsDialect(Dialect[DocumentsBody]):
    """As Cohere's first version; a query gets half of the pair, and the best chunk of a document counts."""

    name = "ovms"
    title = "OpenVINO Model Server"
    # The others are what Cohere's client libraries make of the base address that ends in /v3.
    routes = ("/v3/rerank", "/v3/v1/rerank", "/v3/v2/rerank")
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "hello",
        "documents": ["welcome", "farewell"],
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    statuses = BAD_REQUEST
    body = DocumentsBody
    answer = RESULTS_ANSWER

    @override
    def parse(self, body: DocumentsBody, context: RequestContext) -> Call:
        return documents_call(body, long_documents="windows_max", window_overlap_tokens=0, limits_query_to_half=True)

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        return frame(ranked) | {"results": with_documents(ranked, ranked_items(ranked))}


DIALECT = OvmsDialect()
