"""What the dialects with `results` or `data` share: reading documents, the frame of an answer, its ranked items."""

from __future__ import annotations

import time
from typing import Any

from ...ranking.request import RankRequest
from ..dialect import Call, Reply, item_errors, ranked_indices, shown_scores, usage
from ..fields import Fields

_DOCUMENTS_PER_UNIT = 100
"""Documents in what Cohere bills as one search unit."""


def documents_call(
    fields: Fields,
    *,
    key: str = "documents",
    top: str = "top_n",
    give: str = "return_documents",
    gives_by_default: bool = False,
    **limits: Any,
) -> Call:
    """Read one query with a list of documents.

    Args:
        fields: The body.
        key: Key of the documents, strings or objects.
        top: Key of the number of results.
        give: Key of the wish to get the documents back.
        gives_by_default: Whether they are given back unless refused.
        **limits: What else the request says about its texts, as `RankRequest` has it.
    """
    documents = fields.documents(key, objects_too=True, keys=fields.keys("rank_fields", ("text",)))
    limits.setdefault("max_document_tokens", fields.limit("max_tokens_per_doc"))
    limits["names"] = {"max_document_tokens": "max_tokens_per_doc", **limits.get("names", {})}
    return Call(
        request=RankRequest(query=fields.query(object_too=True), documents=documents, **limits),
        top_n=fields.top_n(top),
        return_documents=fields.boolean(give, default=gives_by_default),
        raw_scores=fields.boolean("raw_scores", default=False),
        sent=fields.objects(key),
    )


def frame(reply: Reply, object_name: str = "list", version: str = "1") -> dict[str, Any]:
    """What every answer object has, whichever of it a client reads.

    Args:
        reply: The answer.
        object_name: Its kind, in the words of its family.
        version: Version of Cohere's interface, which its clients show.
    """
    tokens = usage(reply.ranking)
    units = -(-len(reply.call.request.documents) // _DOCUMENTS_PER_UNIT)
    framed: dict[str, Any] = {
        "id": reply.request_id,
        "object": object_name,
        "created": int(time.time()),
        "model": reply.model,
        "usage": tokens,
        "meta": {
            "api_version": {"version": version},
            "billed_units": {"search_units": units},
            "tokens": {"input_tokens": tokens["total_tokens"], "output_tokens": 0},
        },
    }
    if reply.ranking.errors:
        framed["errors"] = item_errors(reply.ranking)
    return framed


def ranked_items(reply: Reply, score: str = "relevance_score") -> list[dict[str, Any]]:
    """Items best first, each its index and its score under the family's name."""
    scores = shown_scores(reply)
    return [{"index": index, score: scores[index]} for index in ranked_indices(reply)]


def with_documents(reply: Reply, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add `document` as an object where it was asked for; never a null, which breaks clients."""
    if reply.call.return_documents:
        for item in items:
            item["document"] = document_object(reply, item["index"])
    return items


def with_texts(reply: Reply, items: list[dict[str, Any]], key: str = "document") -> list[dict[str, Any]]:
    """Add the document as a plain string where it was asked for."""
    if reply.call.return_documents:
        for item in items:
            item[key] = reply.call.request.documents[item["index"]]
    return items


def document_object(reply: Reply, index: int) -> dict[str, Any]:
    """A document as an object with `text`, and whatever else the caller's own object held."""
    document = dict(reply.call.sent.get(index, {}))
    # What the caller sent goes back as it came; a text is added only where there is none, since clients insist on one.
    if not isinstance(document.get("text"), str):
        document["text"] = reply.call.request.documents[index]
    return document
