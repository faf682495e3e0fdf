"""What is asked: one query, its documents and how they are to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..settings import Direction, LongDocuments, Preset, Truncation
from ..vision.sources import PictureSource


@dataclass(frozen=True, slots=True)
class RankRequest:
    """One query against documents, in no dialect's words."""

    query: str
    documents: list[str]

    queries: Sequence[str] | None = None
    """Query of each document, where one request holds several; None: `query` for all."""

    pictures: Mapping[int, PictureSource] = field(default_factory=dict)
    """Documents that are pictures, by place. Their texts are empty."""

    query_pictures: Mapping[int, PictureSource] = field(default_factory=dict)
    """Queries that are pictures, by place in `queries`, or 0 for the one of all; their texts are empty."""

    indices: Sequence[int] | None = None
    """What the caller calls these documents, where they are a part of what was asked; None: their places."""

    preset: Preset | None = None
    """Reference whose tokens are reproduced; None: as the server is set."""

    truncation: Truncation | None = None
    """Side that is cut; None: as the server is set."""

    truncation_direction: Direction | None = None
    """End at which tokens are dropped; None: as the server is set."""

    max_pair_tokens: int | None = None
    """Longest pair in tokens; None: as the server is set, which it may only shorten."""

    max_query_tokens: int | None = None
    """Longest query in tokens; None: as the server is set."""

    max_document_tokens: int | None = None
    """Longest document in tokens, the rest is dropped; None: no limit of its own."""

    long_documents: LongDocuments | None = None
    """What happens to documents that do not fit; None: as the server is set."""

    max_windows: int | None = None
    """Most windows per document, never more than the server allows; None: as the server is set."""

    window_overlap_tokens: int | None = None
    """Document tokens that two neighbouring windows share; None: as the server is set."""

    limits_query_to_half: bool = False
    """Whether the query gets at most half of the pair."""

    priority: int = 0
    """How urgent it is; lower numbers are served first."""

    is_partial: bool = False
    """Whether its caller takes the first documents alone where time does not allow for all."""

    names: Mapping[str, str] = field(default_factory=dict)
    """The caller's names of these fields, where they differ, for errors."""

    def by_query(self) -> Iterator[tuple[str, Sequence[int]]]:
        """Yield each distinct query with the indices of its documents."""
        if self.queries is None:
            yield self.query, range(len(self.documents))
            return
        indices: dict[str, list[int]] = {}
        for index, query in enumerate(self.queries):
            indices.setdefault(query, []).append(index)
        yield from indices.items()

    @property
    def has_pictures(self) -> bool:
        """Whether the query or a document is a picture."""
        return bool(self.pictures or self.query_pictures)

    @property
    def characters(self) -> int:
        """Characters of all texts, each query counted once."""
        queries = {self.query} if self.queries is None else set(self.queries)
        return sum(map(len, queries)) + sum(map(len, self.documents))
