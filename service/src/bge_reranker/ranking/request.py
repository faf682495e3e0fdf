"""What is asked: one query, its documents and how they are to be read."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import Direction, LongDocuments, Truncation


@dataclass(frozen=True, slots=True)
class RankRequest:
    """One query against documents, in no dialect's words."""

    query: str
    documents: list[str]

    truncation: Truncation | None = None
    """Side that is cut; None: as the server is set."""

    truncation_direction: Direction | None = None
    """End at which tokens are dropped; None: as the server is set."""

    max_pair_tokens: int | None = None
    """Longest pair in tokens; None: as the server is set, which it may only shorten."""

    max_query_tokens: int | None = None
    """Longest query in tokens; None: as the server is set."""

    long_documents: LongDocuments | None = None
    """What happens to documents that do not fit; None: as the server is set."""
