"""The dialect of text-embeddings-inference: `{"query", "texts"}` to a bare array.

Source: router/src/http/{types,server}.rs of text-embeddings-inference 1.9.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast, get_args

from ...ranking.request import RankRequest
from ...settings import Direction
from ..dialect import Call, Reply, RequestContext, ranked_indices, shown_scores
from ..fields import Fields
from ..schema import FLAG, LABEL, QUERY, TEXT, TEXTS, Schema, fields_of, list_of, scored, words

TEI_OPTIONS: dict[str, Schema] = {
    "truncate": FLAG,
    "truncation_direction": words("left", "right"),
    "raw_scores": FLAG,
    "model": LABEL,
}
"""Options of all TEI dialects; TEI itself ignores a model, which OpenAI-like clients send all the same."""


def tei_limits(fields: Fields, context: RequestContext) -> dict[str, Any]:
    """Read what TEI's dialects say about long texts, as `RankRequest` has it."""
    may_cut = fields.flag("truncate")
    if may_cut is False and context.settings.ignore_truncate_false:
        may_cut = True
    direction = fields.choice("truncation_direction", [word.capitalize() for word in get_args(Direction)])
    return {
        "truncation_direction": cast("Direction | None", direction),
        "long_documents": context.on_long_documents(may_cut=may_cut),
    }


def tei_items(reply: Reply, indices: Sequence[int], first: int = 0) -> list[dict[str, Any]]:
    """One item per scored text, best first.

    Args:
        reply: The whole answer.
        indices: The texts to give among all texts of the call, best first.
        first: Index of the first text, from which its own indices count.
    """
    documents, scores = reply.call.request.documents, shown_scores(reply)
    items: list[dict[str, Any]] = []
    for index in indices:
        item = {"index": index - first, "score": scores[index]}
        if reply.call.return_documents:
            item["text"] = documents[index]
        items.append(item)
    return items


class TeiDialect:
    """`texts` in, an array of `{index, score[, text]}` out, best first, ties with the higher index first."""

    name: ClassVar[str] = "tei"
    title: ClassVar[str] = "text-embeddings-inference"
    route: ClassVar[str] = "/rerank"
    example: ClassVar[dict[str, Any]] = {
        "query": "What is Deep Learning?",
        "texts": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
    }
    body: ClassVar[Schema] = fields_of({"query": QUERY, "texts": TEXTS}, {**TEI_OPTIONS, "return_text": FLAG})
    answer: ClassVar[Schema] = list_of(scored("score", {"text": TEXT}))

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read `query`, `texts`, `truncate`, `truncation_direction`, `raw_scores` and `return_text`."""
        # Older builds of Elasticsearch say `documents`; elsewhere that key is another dialect's.
        key = "documents" if context.by_name and fields.has("documents") and not fields.has("texts") else "texts"
        return Call(
            request=RankRequest(query=fields.query(), documents=fields.documents(key), **tei_limits(fields, context)),
            return_documents=fields.boolean("return_text", default=False),
            raw_scores=fields.boolean("raw_scores", default=False),
        )

    def render(self, reply: Reply) -> list[dict[str, Any]]:
        """One item per scored text; a text without a score is left out, and the X-Rerank-Errors header names it."""
        return tei_items(reply, ranked_indices(reply, ties_high_index_first=True))
