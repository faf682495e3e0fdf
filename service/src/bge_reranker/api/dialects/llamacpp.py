"""The dialect of llama.cpp's server: Jina's or TEI's words, raw logits. Only by name: its bodies look like theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from typing_extensions import override

from ..call import Call, RequestContext
from ..dialect import Dialect
from ..documents import DocumentsBody, documents_call
from ..error_form import BAD_REQUEST
from ..exchange import Ranked
from ..fields import DocumentsByFields, Flag
from ..results import frame, ranked_items, with_documents, with_texts
from ..schema import TEXT, TEXT_OBJECT, Schema, framed, list_of, scored


class LlamaCppTextsBody(DocumentsBody):
    """A request in TEI's words."""

    documents = DocumentsByFields(DocumentsBody.rank_fields, key="texts")
    return_documents = Flag("Whether results carry their texts.", key="return_text")


class LlamaCppBody(DocumentsBody):
    """A request in Jina's words, or in TEI's."""

    other_classes = (LlamaCppTextsBody,)


class LlamaCppDialect(Dialect[LlamaCppBody]):
    """`documents` in, `results` out; `texts` in, a bare array out. Scores are logits."""

    name = "llamacpp"
    title = "llama.cpp"
    routes = ("/v1/rerank",)
    example: ClassVar[dict[str, Any]] = {
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
    }
    statuses = BAD_REQUEST
    error_object = "by_name"
    body = LlamaCppBody
    answer: ClassVar[Schema] = {
        "anyOf": [
            framed({"results": list_of(scored("relevance_score", {"document": TEXT_OBJECT}))}),
            list_of(scored("score", {"text": TEXT})),
        ]
    }

    @override
    def parse(self, body: LlamaCppBody, context: RequestContext) -> Call:
        has_texts = body.has("texts")
        call = documents_call(body.seen_as(LlamaCppTextsBody) if has_texts else body)
        return replace(call, raw_scores=True, is_batch=has_texts)

    @override
    def render(self, ranked: Ranked) -> Any:
        if ranked.call.is_batch:
            return with_texts(ranked, ranked_items(ranked, "score"), "text")
        return frame(ranked) | {"results": with_documents(ranked, ranked_items(ranked))}


DIALECT = LlamaCppDialect()
