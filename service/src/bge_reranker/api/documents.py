"""Reading one query with a list of documents, as all families with `documents` send them."""

from __future__ import annotations

from typing import Any

from ..ranking.request import RankRequest
from .call import Call
from .fields import Body, DocumentsByFields, Flag, Limit, Model, QueryOrObject, RankFields, TopN
from .texts import query_pictures


class DocumentsBody(Body):
    """What every family with `documents` accepts; some have other keys for the same fields."""

    query = QueryOrObject("The text to search for.")
    rank_fields = RankFields("Keys of document objects to read instead of `text`, in this order.")
    documents = DocumentsByFields(rank_fields)
    model = Model()
    top_n = TopN("Most results; all where absent, zero or negative.")
    return_documents = Flag("Whether results carry their documents.")
    raw_scores = Flag("Logits instead of their sigmoids.")
    max_tokens_per_doc = Limit("Most tokens of a document that are read; 0 for no limit.")


def documents_call(body: DocumentsBody, **limits: Any) -> Call:
    """Read one query with a list of documents.

    Args:
        body: The body.
        **limits: What else the request says about its texts, as `RankRequest` has it.
    """
    documents = body.documents
    if "max_document_tokens" not in limits:
        limits["max_document_tokens"] = body.max_tokens_per_doc
    limits["names"] = {"max_document_tokens": "max_tokens_per_doc", **limits.get("names", {})}
    return Call(
        request=RankRequest(
            query=body.query,
            documents=documents.texts,
            pictures=documents.pictures,
            query_pictures=query_pictures(body.values),
            **limits,
        ),
        top_n=body.top_n,
        return_documents=body.return_documents,
        raw_scores=body.raw_scores,
        sent=documents.objects,
    )
