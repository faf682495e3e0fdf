"""TEI's `/vertex`, where Google's Vertex AI posts: several rerank requests at once.

Source: router/src/http/{types,server}.rs of text-embeddings-inference 1.9.3.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from ...errors import InvalidField
from ..dialect import Call, Part, Reply, RequestContext, indices_of_parts
from ..fields import Fields
from ..schema import Schema, fields_of, list_of
from .tei import TeiDialect, tei_items

_TEI = TeiDialect()


class TeiVertexDialect:
    """`instances`, each as TEI's rerank takes it, in; `predictions`, each as TEI's rerank gives it, out."""

    name: ClassVar[str] = "tei-vertex"
    title: ClassVar[str] = "text-embeddings-inference, Vertex AI"
    route: ClassVar[str] = "/vertex"
    example: ClassVar[dict[str, Any]] = {"instances": [TeiDialect.example]}
    body: ClassVar[Schema] = fields_of({"instances": {**list_of(TeiDialect.body), "minItems": 1}})
    answer: ClassVar[Schema] = fields_of({"predictions": list_of(TeiDialect.answer)})

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read `instances`; their options are the same, or the first that differs is named."""
        calls = [_TEI.parse(instance, context) for instance in fields.parts("instances", of="instance")]
        documents: list[str] = []
        queries: list[str] = []
        parts: list[Part] = []
        for number, call in enumerate(calls):
            if _options(call) != _options(calls[0]):
                raise InvalidField(
                    f"`instances[{number}]` has other options than `instances[0]`.",
                    remedy="Send those with other options apart.",
                )
            first = len(documents)
            documents += call.request.documents
            fields.check_count("instances", len(documents), of="text")
            queries += [call.request.query] * len(call.request.documents)
            parts.append(Part(first, len(documents), None))
        request = replace(calls[0].request, documents=documents, queries=queries)
        return replace(calls[0], request=request, parts=tuple(parts))

    def render(self, reply: Reply) -> dict[str, Any]:
        """One array for each instance, in their order."""
        shares = indices_of_parts(reply, ties_high_index_first=True)
        return {
            "predictions": [
                tei_items(reply, indices, part.first) for part, indices in zip(reply.call.parts, shares, strict=True)
            ]
        }


def _options(call: Call) -> Call:
    """All but the texts, for comparison."""
    return replace(call, request=replace(call.request, query="", documents=[]))
