"""What the process is told of its Redis, without the library that speaks to one: importing it takes a start's time."""

from __future__ import annotations

from typing import Literal, Protocol

Part = Literal["limits", "cache"]
"""Who asks Redis, for metrics."""

Outcome = Literal["ok", "failed", "timed_out", "skipped"]
"""How an operation ended; `skipped` while the breaker is open."""


class RedisUnavailable(Exception):
    """Redis gave no answer in time; the request goes on without it. No caller ever sees this."""


class RedisObserver(Protocol):
    """Counts what happens between this process and Redis."""

    def redis_asked(self, part: Part, outcome: Outcome) -> None:
        """Count one operation."""
        ...

    def redis_breaker(self, *, is_open: bool) -> None:
        """Show whether requests go on without asking."""
        ...
