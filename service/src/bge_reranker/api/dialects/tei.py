"""The dialect of text-embeddings-inference: `{"query", "texts"}` to a bare array.

Source: router/src/http/{types,server}.rs of text-embeddings-inference 1.9.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

from typing_extensions import override

from ...ranking.request import RankRequest
from ...settings import Direction
from ..call import Call, RequestContext
from ..dialect import Dialect
from ..error_form import Case, Remedies, Statuses
from ..exchange import Ranked
from ..fields import Body, Choice, Flag, Model, OptionalFlag, Query, Texts
from ..results import ranked_indices, shown_scores
from ..schema import TEXT, list_of, scored

_KINDS: Final[Mapping[Case, str]] = {
    "empty": "Empty",
    "too_many": "Validation",
    "too_long": "Validation",
    "bad_type": "Validation",
    "bad_json": "Validation",
    "overloaded": "Overloaded",
    "not_ready": "Unhealthy",
    "unscored": "Backend",
    "wrong_key": "Unauthorized",
}


class TeiOptions(Body):
    """Options of all TEI dialects; TEI itself ignores a model, which OpenAI-like clients send all the same."""

    truncate = OptionalFlag("Whether a text that does not fit is cut or refused.")
    truncation_direction: Choice[Direction] = Choice(("Right", "Left"), "End at which tokens are dropped.")
    raw_scores = Flag("Logits instead of their sigmoids.")
    model = Model()


B = TypeVar("B", bound=Body)


class TeiErrors(Dialect[B]):
    """What the dialects of TEI have in common: how they say what is wrong."""

    family = "tei"
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    statuses = Statuses(empty=400, bad_json=400, unscored=424)
    old_statuses: ClassVar[Mapping[Case, int]] = {"too_many": 413, "too_long": 413}
    remedies = Remedies(long_document="Shorten it, or send `truncate`: true.")
    error_kinds = _KINDS


class TeiBody(TeiOptions):
    """A query with texts."""

    query = Query()
    texts = Texts()
    # Older builds of Elasticsearch say `documents`; elsewhere that key is another dialect's.
    documents = Texts(is_documented=False)
    return_text = Flag("Whether results carry their texts.")


def tei_limits(body: TeiOptions, context: RequestContext) -> dict[str, Any]:
    """Read what TEI's dialects say about long texts, as `RankRequest` has it."""
    may_cut = body.truncate
    if may_cut is False and context.settings.ignore_truncate_false:
        may_cut = True
    return {
        "truncation_direction": body.truncation_direction,
        "long_documents": context.on_long_documents(may_cut=may_cut),
    }


def tei_items(ranked: Ranked, indices: Sequence[int], first: int = 0) -> list[dict[str, Any]]:
    """One item per scored text, best first.

    Args:
        ranked: The whole answer.
        indices: The texts to give among all texts of the call, best first.
        first: Index of the first text, from which its own indices count.
    """
    documents, scores = ranked.call.request.documents, shown_scores(ranked)
    items: list[dict[str, Any]] = []
    for index in indices:
        item = {"index": index - first, "score": scores[index]}
        if ranked.call.return_documents:
            item["text"] = documents[index]
        items.append(item)
    return items


class TeiDialect(TeiErrors[TeiBody]):
    """`texts` in, an array of `{index, score[, text]}` out, best first, ties with the higher index first."""

    name = "tei"
    title = "text-embeddings-inference"
    routes = ("/rerank",)
    document_keys = ("texts",)
    example: ClassVar[dict[str, Any]] = {
        "query": "What is Deep Learning?",
        "texts": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
    }
    body = TeiBody
    answer = list_of(scored("score", {"text": TEXT}))

    @override
    def parse(self, body: TeiBody, context: RequestContext) -> Call:
        says_documents = context.by_name and body.has("documents") and not body.has("texts")
        query = body.query
        documents = body.documents if says_documents else body.texts
        return Call(
            request=RankRequest(query=query, documents=documents, **tei_limits(body, context)),
            return_documents=body.return_text,
            raw_scores=body.raw_scores,
        )

    @override
    def render(self, ranked: Ranked) -> list[dict[str, Any]]:
        # A text without a score is left out, and the X-Rerank-Errors header names it.
        return tei_items(ranked, ranked_indices(ranked, ties_high_index_first=True))


DIALECT = TeiDialect()
