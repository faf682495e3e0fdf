"""The native dialect: `{"query", "candidates"}` to ranked texts, scores, token counts and what was truncated.

A body with `requests` holds several queries, each with candidates of its own; the options beside them count for all,
and so does `top_n` for those that have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, cast, get_args

from ...ranking.request import RankRequest
from ...settings import Direction, LongDocuments, Preset, Truncation
from ...text.policy import MIN_PAIR_TOKENS
from ..dialect import Call, Part, Reply, RequestContext, indices_of_parts, ranked_indices, shown_scores
from ..fields import Fields
from ..schema import (
    FLAG,
    INDEX,
    LABEL,
    NUMBER,
    QUERY,
    TEXT,
    TEXTS_OR_OBJECTS,
    Schema,
    at_least,
    fields_of,
    framed,
    list_of,
    words,
)
from .results import frame

_RESULT: Schema = fields_of(
    {"index": INDEX, "score": NUMBER, "text": TEXT, "tokens": INDEX, "truncated": {"type": "boolean"}},
    {"id": {"description": "As the candidate came with it."}, "metadata": {"description": "As it came."}},
)
_RANKED: dict[str, Schema] = {"ranked_candidates": list_of(TEXT), "results": list_of(_RESULT)}
_ASKED: dict[str, Schema] = {"query": QUERY, "candidates": TEXTS_OR_OBJECTS}
_OPTIONS: dict[str, Schema] = {
    "raw_scores": FLAG,
    "model": LABEL,
    "preset": words(*get_args(Preset)),
    "truncation": words(*get_args(Truncation)),
    "truncation_direction": words(*get_args(Direction)),
    "max_pair_tokens": at_least(MIN_PAIR_TOKENS),
    "max_query_tokens": at_least(1),
    "long_documents": words(*get_args(LongDocuments)),
}


class _Columns(NamedTuple):
    """What is known about each document, in input order."""

    scores: Sequence[Any]
    tokens: Sequence[int]
    truncated: Sequence[bool]


class NativeDialect:
    """Our own shape; the only one with room for everything we know about a result."""

    name: ClassVar[str] = "native"
    title: ClassVar[str] = "Native"
    route: ClassVar[str] = "/rerank"
    example: ClassVar[dict[str, Any]] = {
        "query": "人工智能发展趋势",
        "candidates": ["AI在医疗的应用", "深度学习框架对比", "区块链技术解析"],
    }
    body: ClassVar[Schema] = {
        "anyOf": [
            fields_of(_ASKED, {"top_n": at_least(1), **_OPTIONS}),
            fields_of(
                {"requests": {**list_of(fields_of(_ASKED, {"top_n": at_least(1)})), "minItems": 1}},
                {"top_n": at_least(1), **_OPTIONS},
            ),
        ]
    }
    answer: ClassVar[Schema] = {
        "anyOf": [framed(_RANKED), framed({"responses": list_of(fields_of(_RANKED))})],
    }

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `query` with `candidates`, or `requests` of both, and the options."""
        return _several(fields) if fields.has("requests") else _one(fields)

    def render(self, reply: Reply) -> dict[str, Any]:
        """Ranked texts, results best first, model and usage; with `requests`, one answer for each."""
        if not reply.call.parts:
            return _ranked(reply, _columns(reply), ranked_indices(reply), 0) | frame(reply, "rerank")
        columns = _columns(reply)
        responses = [
            _ranked(reply, columns, indices, part.first)
            for part, indices in zip(reply.call.parts, indices_of_parts(reply), strict=True)
        ]
        return {"responses": responses} | frame(reply, "rerank")


def _one(fields: Fields) -> Call:
    return Call(
        request=RankRequest(
            query=fields.query(), documents=fields.documents("candidates", objects_too=True), **_options(fields)
        ),
        top_n=fields.top_n(zero_means_all=False),
        return_documents=True,
        raw_scores=fields.boolean("raw_scores", default=False),
        sent=fields.objects("candidates"),
    )


def _several(fields: Fields) -> Call:
    """All candidates of all requests form one request to the engine, so that they find room together or not at all."""
    for name in _ASKED:
        fields.refuse(name, "stands beside `requests`", remedy="Put it into one of them.")
    top_n = fields.top_n(zero_means_all=False)
    documents: list[str] = []
    queries: list[str] = []
    sent: dict[int, Mapping[str, Any]] = {}
    parts: list[Part] = []
    for part in fields.parts("requests", of="request"):
        for name in _OPTIONS:
            part.refuse(name, "counts for all requests", remedy=f"Put `{name}` beside `requests`.")
        first, query = len(documents), part.query()
        documents += part.documents("candidates", objects_too=True)
        fields.check_count("requests", len(documents), of="candidate")
        queries += [query] * (len(documents) - first)
        sent |= {first + index: value for index, value in part.objects("candidates").items()}
        parts.append(Part(first, len(documents), part.top_n(zero_means_all=False) or top_n))
    return Call(
        request=RankRequest(queries[0], documents, queries=queries, **_options(fields)),
        return_documents=True,
        raw_scores=fields.boolean("raw_scores", default=False),
        sent=sent,
        parts=tuple(parts),
    )


def _options(fields: Fields) -> dict[str, Any]:
    return {
        "preset": cast("Preset | None", fields.choice("preset", get_args(Preset))),
        "truncation": cast("Truncation | None", fields.choice("truncation", get_args(Truncation))),
        "truncation_direction": cast("Direction | None", fields.choice("truncation_direction", get_args(Direction))),
        "max_pair_tokens": fields.integer("max_pair_tokens"),
        "max_query_tokens": fields.integer("max_query_tokens"),
        "long_documents": cast("LongDocuments | None", fields.choice("long_documents", get_args(LongDocuments))),
    }


def _columns(reply: Reply) -> _Columns:
    return _Columns(shown_scores(reply), reply.ranking.tokens.tolist(), reply.ranking.truncated.tolist())


def _ranked(reply: Reply, columns: _Columns, indices: Sequence[int], first: int) -> dict[str, Any]:
    """The results of one query.

    Args:
        reply: The whole answer.
        columns: What is known about each document of the call.
        indices: Its documents among all documents of the call, best first.
        first: Index of its first document, from which its own indices count.
    """
    documents = reply.call.request.documents
    results = []
    for index in indices:
        result = {
            "index": index - first,
            "score": columns.scores[index],
            "text": documents[index],
            "tokens": columns.tokens[index],
            "truncated": columns.truncated[index],
        }
        sent = reply.call.sent.get(index, {})
        result |= {key: sent[key] for key in ("id", "metadata") if key in sent}
        results.append(result)
    return {"ranked_candidates": [documents[index] for index in indices], "results": results}
