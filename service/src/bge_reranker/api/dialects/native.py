"""The native dialect: `{"query", "candidates"}` to ranked texts, scores, token counts and what was truncated.

A body with `requests` holds several queries, each with candidates of its own; the options beside them count for all,
and so does `top_n` for those that have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple, get_args

from typing_extensions import override

from ...engine.origin import MOST_PRIORITY
from ...ranking.request import RankRequest
from ...settings import Direction, LongDocuments, Preset, Truncation
from ...text.policy import MIN_PAIR_TOKENS
from ...vision.sources import PictureSource
from ..call import Call, Part, RequestContext
from ..dialect import Dialect
from ..error_form import Remedies
from ..exchange import Ranked
from ..fields import (
    Body,
    Choice,
    Documents,
    Flag,
    Integer,
    Model,
    NestedList,
    Priority,
    QueryOrObject,
    TopN,
)
from ..results import frame, indices_of_parts, ranked_indices, shown_scores
from ..schema import INDEX, NUMBER, TEXT, Schema, at_least, fields_of, framed, list_of
from ..texts import query_pictures

_RESULT: Final[Schema] = fields_of(
    {"index": INDEX, "score": NUMBER, "text": TEXT, "tokens": INDEX, "truncated": {"type": "boolean"}},
    {"id": {"description": "As the candidate came with it."}, "metadata": {"description": "As it came."}},
)
_PARTIAL: Final[dict[str, Schema]] = {
    "partial": {
        "type": "boolean",
        "description": "Whether documents were left out for lack of time; `errors` has them.",
    },
    "scored": {"type": "integer", "minimum": 0, "description": "Documents with a score; the first ones come first."},
}
_RANKED: Final[dict[str, Schema]] = {"ranked_candidates": list_of(TEXT), "results": list_of(_RESULT)}


class NativeRequest(Body):
    """One of several requests in a body."""

    query = QueryOrObject()
    candidates = Documents()
    top_n = TopN("Most results of this request.", minimum=1)


class NativeBody(Body):
    """One request, or several, and the options of all of them."""

    forms = (("query", "candidates"), ("requests",))

    query = QueryOrObject("The text to search for, or an object with an `image`.")
    candidates = Documents(
        "Texts, or objects with a `text` or an `image`; `id` and `metadata` come back with the result."
    )
    requests = NestedList(NativeRequest, "request")
    top_n = TopN("Most results; all where absent.", minimum=1)
    raw_scores = Flag("Logits instead of their sigmoids.")
    model = Model()
    preset: Choice[Preset] = Choice(get_args(Preset), "Reference whose tokens are reproduced.")
    truncation: Choice[Truncation] = Choice(get_args(Truncation), "Side that is cut.")
    truncation_direction: Choice[Direction] = Choice(get_args(Direction), "End at which tokens are dropped.")
    max_pair_tokens = Integer("Longest pair in tokens.", shown=at_least(MIN_PAIR_TOKENS))
    max_query_tokens = Integer("Longest query in tokens.", shown=at_least(1))
    long_documents: Choice[LongDocuments] = Choice(
        get_args(LongDocuments), "What happens to documents that do not fit."
    )
    priority = Priority(MOST_PRIORITY)
    partial = Flag("Whether the first documents alone are wanted where the deadline leaves no time for all.")


_OPTIONS: Final = tuple(
    name for name in NativeBody.fields() if name not in {"query", "candidates", "requests", "top_n"}
)
"""Fields that count for all requests of a body."""


class _Columns(NamedTuple):
    """What is known about each document, in input order."""

    scores: Sequence[Any]
    tokens: Sequence[int]
    truncated: Sequence[bool]


class NativeDialect(Dialect[NativeBody]):
    """`candidates` in, `ranked_candidates` and `results` of `{index, score, text, tokens, truncated}` out."""

    name = "native"
    title = "Native"
    routes = ("/rerank",)
    document_keys = ("candidates", "requests")
    example: ClassVar[dict[str, Any]] = {
        "query": "人工智能发展趋势",
        "candidates": ["AI在医疗的应用", "深度学习框架对比", "区块链技术解析"],
    }
    logits: ClassVar[dict[str, Any]] = {"raw_scores": True}
    remedies = Remedies(
        long_document="Shorten it, or send another `long_documents`: cut, windows_max or windows_mean.",
        long_query="Shorten it, send `max_query_tokens`, or `truncation`: longest_first with `long_documents`: cut.",
    )
    body = NativeBody
    answer: ClassVar[Schema] = {
        "anyOf": [framed(_RANKED, _PARTIAL), framed({"responses": list_of(fields_of(_RANKED))}, _PARTIAL)]
    }

    @override
    def parse(self, body: NativeBody, context: RequestContext) -> Call:
        return _several(body) if body.has("requests") else _one(body)

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        columns = _columns(ranked)
        if not ranked.call.parts:
            return _results(ranked, columns, ranked_indices(ranked), 0) | _frame(ranked)
        responses = [
            _results(ranked, columns, indices, part.first)
            for part, indices in zip(ranked.call.parts, indices_of_parts(ranked), strict=True)
        ]
        return {"responses": responses} | _frame(ranked)


def _one(body: NativeBody) -> Call:
    query, candidates = body.query, body.candidates
    return Call(
        request=RankRequest(
            query=query,
            documents=candidates.texts,
            pictures=candidates.pictures,
            query_pictures=query_pictures(body.values),
            **_options(body),
        ),
        top_n=body.top_n,
        return_documents=True,
        raw_scores=body.raw_scores,
        sent=candidates.objects,
    )


def _several(body: NativeBody) -> Call:
    """All candidates of all requests form one request to the engine, so that they find room together or not at all."""
    for name in ("query", "candidates"):
        body.refuse(name, "stands beside `requests`", remedy="Put it into one of them.")
    top_n = body.top_n
    documents: list[str] = []
    queries: list[str] = []
    sent: dict[int, Mapping[str, Any]] = {}
    pictures: dict[int, PictureSource] = {}
    asked: dict[int, PictureSource] = {}
    parts: list[Part] = []
    for request in body.requests:
        for name in _OPTIONS:
            request.refuse(name, "counts for all requests", remedy=f"Put `{name}` beside `requests`.")
        first, query, candidates = len(documents), request.query, request.candidates
        documents += candidates.texts
        body.check_count("requests", len(documents), of="candidate")
        queries += [query] * len(candidates.texts)
        sent |= {first + index: value for index, value in candidates.objects.items()}
        pictures |= {first + index: source for index, source in candidates.pictures.items()}
        for place in range(first, len(documents)):
            asked |= query_pictures(request.values, place)
        parts.append(Part(first, len(documents), request.top_n or top_n))
    return Call(
        request=RankRequest(
            queries[0], documents, queries=queries, pictures=pictures, query_pictures=asked, **_options(body)
        ),
        return_documents=True,
        raw_scores=body.raw_scores,
        sent=sent,
        parts=tuple(parts),
    )


def _options(body: NativeBody) -> dict[str, Any]:
    return {
        "preset": body.preset,
        "truncation": body.truncation,
        "truncation_direction": body.truncation_direction,
        "max_pair_tokens": body.max_pair_tokens,
        "max_query_tokens": body.max_query_tokens,
        "long_documents": body.long_documents,
        "priority": body.priority,
        "is_partial": body.partial,
    }


def _frame(ranked: Ranked) -> dict[str, Any]:
    """What every answer has; to who takes parts it says whether this is one, and how much of the whole."""
    framed = frame(ranked, "rerank")
    if ranked.call.request.is_partial:
        ranking = ranked.ranking
        framed |= {"partial": ranking.is_partial, "scored": len(ranking.logits) - len(ranking.errors)}
    return framed


def _columns(ranked: Ranked) -> _Columns:
    return _Columns(shown_scores(ranked), ranked.ranking.tokens.tolist(), ranked.ranking.truncated.tolist())


def _results(ranked: Ranked, columns: _Columns, indices: Sequence[int], first: int) -> dict[str, Any]:
    """The results of one query.

    Args:
        ranked: The whole answer.
        columns: What is known about each document of the call.
        indices: Its documents among all documents of the call, best first.
        first: Index of its first document, from which its own indices count.
    """
    documents = ranked.call.request.documents
    results = []
    for index in indices:
        result = {
            "index": index - first,
            "score": columns.scores[index],
            "text": documents[index],
            "tokens": columns.tokens[index],
            "truncated": columns.truncated[index],
        }
        sent = ranked.call.sent.get(index, {})
        result |= {key: sent[key] for key in ("id", "metadata") if key in sent}
        results.append(result)
    return {"ranked_candidates": [documents[index] for index in indices], "results": results}


DIALECT = NativeDialect()
