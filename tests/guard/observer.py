"""An observer that remembers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from bge_reranker.guard.observer import Source
from bge_reranker.guard.redis_observer import Outcome, Part


@dataclass
class Noted:
    """What an observer has seen."""

    asked: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    callers: Counter[str] = field(default_factory=Counter)
    is_open: bool = False

    def redis_asked(self, part: Part, outcome: Outcome) -> None:
        assert part == "limits"
        self.asked[outcome] += 1

    def redis_breaker(self, *, is_open: bool) -> None:
        self.is_open = is_open

    def credentials_read(self, source: Source, *, is_ok: bool) -> None:
        self.read[f"{source} {'ok' if is_ok else 'failed'}"] += 1

    def authenticated(self, kind: str) -> None:
        self.callers[kind] += 1
