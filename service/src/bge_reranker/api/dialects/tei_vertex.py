"""TEI's `/vertex`, where Google's Vertex AI posts: several rerank requests at once.

Source: router/src/http/{types,server}.rs of text-embeddings-inference 1.9.3.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from typing_extensions import override

from ...errors import InvalidField
from ..call import Call, Part, RequestContext
from ..exchange import Ranked
from ..fields import Body, Model, NestedList
from ..results import indices_of_parts
from ..schema import fields_of, list_of
from .tei import DIALECT as TEI
from .tei import TeiBody, TeiErrors, tei_items


class TeiVertexBody(Body):
    """Instances, each as TEI's rerank takes it; their options are the same."""

    instances = NestedList(TeiBody, "instance")
    model = Model()


class TeiVertexDialect(TeiErrors[TeiVertexBody]):
    """`instances`, each as TEI's rerank takes it, in; `predictions`, each as TEI's rerank gives it, out."""

    name = "tei-vertex"
    title = "text-embeddings-inference, Vertex AI"
    routes = ("/vertex",)
    example: ClassVar[dict[str, Any]] = {"instances": [TEI.example]}
    logits: ClassVar[dict[str, Any]] = {"instances": [TEI.logits]}
    body = TeiVertexBody
    answer = fields_of({"predictions": list_of(TEI.answer)})

    @override
    def parse(self, body: TeiVertexBody, context: RequestContext) -> Call:
        calls = [TEI.parse(instance, context) for instance in body.instances]
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
            body.check_count("instances", len(documents), of="text")
            queries += [call.request.query] * len(call.request.documents)
            parts.append(Part(first, len(documents), None))
        request = replace(calls[0].request, documents=documents, queries=queries)
        return replace(calls[0], request=request, parts=tuple(parts))

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        shares = indices_of_parts(ranked, ties_high_index_first=True)
        return {
            "predictions": [
                tei_items(ranked, indices, part.first) for part, indices in zip(ranked.call.parts, shares, strict=True)
            ]
        }


def _options(call: Call) -> Call:
    """All but the texts, for comparison."""
    return replace(call, request=replace(call.request, query="", documents=[]))


DIALECT = TeiVertexDialect()
