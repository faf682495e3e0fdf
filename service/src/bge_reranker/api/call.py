"""One request as its dialect has read it: what to rank, and how the answer is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..ranking.request import RankRequest
from ..settings import DialectSettings, LongDocuments


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What the meaning of a body depends on besides the body."""

    by_name: bool
    """Whether prefix, header or setting named the dialect; False where route or body did."""

    settings: DialectSettings
    """How strictly the server takes the dialects."""

    long_documents: LongDocuments
    """What the server does with long documents unless the caller says something."""

    def on_long_documents(self, *, may_cut: bool | None) -> LongDocuments | None:
        """The policy behind a caller's yes or no to cutting; None, as the server is set, where it says neither."""
        if may_cut is None:
            return None
        if not may_cut:
            return "reject"
        return "cut" if self.long_documents == "reject" else None


@dataclass(frozen=True, slots=True)
class Part:
    """One of several requests that came in one call."""

    first: int
    """Index of its first document among all documents of the call."""

    after: int
    """Index after its last document."""

    top_n: int | None
    """Most results in its answer; None for all."""


@dataclass(frozen=True, slots=True)
class Call:
    """One parsed request: what to rank, and how its dialect wants the answer."""

    request: RankRequest

    top_n: int | None = None
    """Most results in the answer; None for all."""

    return_documents: bool = False
    """Whether results carry their texts."""

    raw_scores: bool = False
    """True for logits, False for their sigmoids."""

    sent: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """Documents that came as objects, by index: what else they hold is given back."""

    parts: tuple[Part, ...] = ()
    """The requests of one call, where it held several."""

    is_batch: bool = False
    """Whether the answer is a list though one thing was asked, in dialects that answer one thing bare."""

    is_nested: bool = False
    """Whether each score comes in a list of its own, in dialects that have both ways."""
