"""The dialect of Weaviate's reranker module: scores in the order of the documents, matched by position."""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect, KeyRule
from ..documents import DocumentsBody, documents_call
from ..exchange import Ranked
from ..fields import Anything
from ..results import frame, shown_scores
from ..schema import NUMBER, TEXT, fields_of, framed, list_of


class WeaviateBody(DocumentsBody):
    """As Jina's, and the property that the documents are from."""

    weaviate_property = Anything("Has no effect.", key="property")


class WeaviateDialect(Dialect[WeaviateBody]):
    """`documents` and `property` in, `scores` of `{document, score}` in input order out."""

    name = "weaviate"
    title = "Weaviate, reranker-transformers"
    routes = ("/rerank",)
    key_rules = (KeyRule(frozenset({"property"}), order=1),)
    example: ClassVar[dict[str, Any]] = {
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "property": "",
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    body = WeaviateBody
    answer = framed({"query": TEXT, "scores": list_of(fields_of({"document": TEXT, "score": NUMBER}))})

    @override
    def parse(self, body: WeaviateBody, context: RequestContext) -> Call:
        return documents_call(body)

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        # By position: a document without a score holds its place with 0.0 and is named.
        request, errors = ranked.call.request, ranked.ranking.errors
        scores = [
            {"document": document, "score": 0.0 if index in errors else score}
            for index, (document, score) in enumerate(zip(request.documents, shown_scores(ranked), strict=True))
        ]
        return frame(ranked) | {"query": request.query, "scores": scores}


DIALECT = WeaviateDialect()
