"""The Redis that replicas share, where one is configured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...guard.redis import connect
from ...guard.redis_observer import Outcome, Part, RedisUnavailable
from ...settings import GuardSettings
from ..finding import Finding, green, yellow
from ..subject import Subject

_PATIENCE_MS = 1_000.0
"""Longer than a request would wait, to tell what is slow from what is away."""


@dataclass(slots=True)
class _Outcome:
    """How the one operation ended."""

    last: Outcome = "skipped"

    def redis_asked(self, part: Part, outcome: Outcome) -> None:  # noqa: ARG002 - of the protocol
        self.last = outcome

    def redis_breaker(self, *, is_open: bool) -> None:
        pass


def look(subject: Subject) -> Iterator[Finding]:
    """Connect and ask for a sign of life."""
    guard = subject.settings.guard
    if guard.redis_url is None:
        yield green("redis", "not configured")
        return
    seconds, outcome = asyncio.run(_ping(guard))
    yield judge(_shown(guard.redis_url), seconds, outcome, guard.redis_timeout_ms)


def judge(where: str, seconds: float | None, outcome: Outcome, timeout_ms: float) -> Finding:
    """Judge the time of an answer, if there was one, by what a request would wait for it."""
    if seconds is None:
        word = "does not answer" if outcome == "timed_out" else "cannot be used"
        return yellow(
            "redis",
            f"{where} {word}; each replica keeps its own counts",
            "Check address, network, password (redisPasswordFile) and TLS (rediss://).",
        )
    if seconds * 1000 > timeout_ms:
        return yellow(
            "redis",
            f"{where} answers in {seconds * 1000:.1f} ms, and redisTimeoutMs is {timeout_ms:g}",
            "Raise redisTimeoutMs, or use a Redis that is nearer.",
        )
    return green("redis", f"{where} answers in {seconds * 1000:.1f} ms")


async def _ping(guard: GuardSettings) -> tuple[float | None, Outcome]:
    observer = _Outcome()
    shared = connect(guard.model_copy(update={"redis_timeout_ms": _PATIENCE_MS}), observer)
    if shared is None:
        raise AssertionError("there is no address; this is a bug")

    async def ping() -> None:
        await shared.client.execute_command("PING")  # type: ignore[no-untyped-call]  # the library declares no types

    try:
        # The first one pays for the connection.
        await shared.ask("limits", ping)
        began = time.perf_counter()
        await shared.ask("limits", ping)
        return time.perf_counter() - began, observer.last
    except RedisUnavailable:
        return None, observer.last
    finally:
        await shared.close()


def _shown(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.hostname}:{parts.port or 6379}"
