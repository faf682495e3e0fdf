"""What the answers of several dialects share: order, scores, the frame of an object, its ranked items."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from ..ranking.ranking import Ranking
from .exchange import Ranked
from .schema import TEXT_OBJECT, Schema, framed, list_of, scored

_DOCUMENTS_PER_UNIT = 100
"""Documents in what Cohere bills as one search unit."""


RESULTS_ANSWER: Final[Schema] = framed({"results": list_of(scored("relevance_score", {"document": TEXT_OBJECT}))})
"""The answers of families with `results`."""


def object_name(ranked: Ranked) -> str:
    """The kind of an answer; infinity's generated client, which posts to /rerank, accepts its own word only."""
    return "rerank" if ranked.route == "/rerank" else "list"


def frame(ranked: Ranked, object_name: str = "list", version: str = "1") -> dict[str, Any]:
    """What every answer object has, whichever of it a client reads.

    Args:
        ranked: The answer.
        object_name: Its kind, in the words of its family.
        version: Version of Cohere's interface, which its clients show.
    """
    tokens = usage(ranked.ranking)
    units = -(-len(ranked.call.request.documents) // _DOCUMENTS_PER_UNIT)
    framed: dict[str, Any] = {
        "id": ranked.arrived.request_id,
        "object": object_name,
        "created": int(time.time()),
        "model": ranked.spoken.model_name,
        "usage": tokens,
        "meta": {
            "api_version": {"version": version},
            "billed_units": {"search_units": units},
            "tokens": {"input_tokens": tokens["total_tokens"], "output_tokens": 0},
        },
    }
    if ranked.ranking.errors:
        framed["errors"] = item_errors(ranked.ranking)
    return framed


def ranked_items(ranked: Ranked, score: str = "relevance_score") -> list[dict[str, Any]]:
    """Items best first, each its index and its score under the family's name."""
    scores = shown_scores(ranked)
    return [{"index": index, score: scores[index]} for index in ranked_indices(ranked)]


def with_documents(ranked: Ranked, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add `document` as an object where it was asked for; never a null, which breaks clients."""
    if ranked.call.return_documents:
        for item in items:
            item["document"] = document_object(ranked, item["index"])
    return items


def with_texts(ranked: Ranked, items: list[dict[str, Any]], key: str = "document") -> list[dict[str, Any]]:
    """Add the document as a plain string where it was asked for."""
    if ranked.call.return_documents:
        for item in items:
            item[key] = ranked.call.request.documents[item["index"]]
    return items


def document_object(ranked: Ranked, index: int) -> dict[str, Any]:
    """A document as an object with `text`, and whatever else the caller's own object held."""
    document = dict(ranked.call.sent.get(index, {}))
    # What the caller sent goes back as it came; a text is added only where there is none, since clients insist on one.
    if not isinstance(document.get("text"), str) and index not in ranked.call.request.pictures:
        document["text"] = ranked.call.request.documents[index]
    return document


def ranked_indices(ranked: Ranked, *, ties_high_index_first: bool = False) -> list[int]:
    """Indices of the results to give, best first, `top_n` applied."""
    return ranked.ranking.order(ties_high_index_first=ties_high_index_first)[: ranked.call.top_n]


def indices_of_parts(ranked: Ranked, *, ties_high_index_first: bool = False) -> list[list[int]]:
    """Indices of the results of each request of the call, best first, each one's `top_n` applied."""
    parts = ranked.call.parts
    shares: list[list[int]] = [[] for _ in parts]
    owners = [number for number, part in enumerate(parts) for _ in range(part.first, part.after)]
    for index in ranked.ranking.order(ties_high_index_first=ties_high_index_first):
        shares[owners[index]].append(index)
    return [indices[: part.top_n] for part, indices in zip(parts, shares, strict=True)]


def shown_scores(ranked: Ranked) -> Sequence[Any]:
    """One float32 per document, sigmoid or logit as asked; NumPy's type is kept, so that its shortest form is sent."""
    return list(ranked.ranking.logits if ranked.call.raw_scores else ranked.ranking.scores)


def every_score(ranked: Ranked) -> Sequence[Any]:
    """Scores in input order, for answers that are read by position.

    Raises:
        ScoringError: If a document has none; leaving it out would give its neighbours' scores to the wrong texts.
    """
    ranked.ranking.require_all()
    return shown_scores(ranked)


def usage(ranking: Ranking) -> dict[str, int]:
    """Token counts under the names that clients read."""
    return {"prompt_tokens": ranking.total_tokens, "total_tokens": ranking.total_tokens}


def item_errors(ranking: Ranking) -> list[dict[str, Any]]:
    """The documents that could not be scored, by index."""
    return [
        {"index": index, "code": error.code, "message": error.sentence()}
        for index, error in sorted(ranking.errors.items())
    ]
