"""The dialect of OpenVINO Model Server: `/v3/rerank`, long documents in chunks without overlap.

Source: src/rerank/rerank_calculator_ov.cc of OpenVINO Model Server.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import Schema
from .jina import DOCUMENTS_BODY, RESULTS_ANSWER
from .results import documents_call, frame, ranked_items, with_documents


class OvmsDialect:
    """As Cohere's first version; a query gets half of the pair, and the best chunk of a document counts."""

    name: ClassVar[str] = "ovms"
    title: ClassVar[str] = "OpenVINO Model Server"
    route: ClassVar[str] = "/v3/rerank"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "hello",
        "documents": ["welcome", "farewell"],
    }
    body: ClassVar[Schema] = DOCUMENTS_BODY
    answer: ClassVar[Schema] = RESULTS_ANSWER

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `query`, `documents`, `top_n`, `return_documents` and `model`."""
        return documents_call(fields, long_documents="windows_max", window_overlap_tokens=0, limits_query_to_half=True)

    def render(self, reply: Reply) -> dict[str, Any]:
        """Results best first; `document` only where asked for."""
        return frame(reply) | {"results": with_documents(reply, ranked_items(reply))}
