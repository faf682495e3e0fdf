"""Scores in Redis, where replicas of the same version find one another's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ..redis_observer import RedisUnavailable
from .entry import sealed, unsealed

if TYPE_CHECKING:
    from ..redis import SharedRedis

_PREFIX: Final = b"bge-reranker:score:"

_MOST_KEYS: Final = 1_000
"""Scores that one request asks for or gives: more would hold up the event loop while they are parsed."""

_MOST_WRITES: Final = 32
"""Writes under way at a time; what would be more is not written."""


class SharedScores:
    """Reads and writes scores; whatever Redis does, requests go on.

    Args:
        redis: Within its time, and its breaker.
        ttl_s: Seconds after which a score is forgotten.
    """

    def __init__(self, redis: SharedRedis, ttl_s: int) -> None:
        self._redis = redis
        self._ttl_s = ttl_s
        self._writes: set[asyncio.Task[None]] = set()

    async def get(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """The bytes of those scores that are known there; none where it does not answer in time."""
        asked = keys[:_MOST_KEYS]
        if not asked:
            return {}
        try:
            answers = await self._redis.ask(
                "cache",
                lambda: self._redis.client.mget([_PREFIX + key for key in asked]),
            )
        except RedisUnavailable:
            return {}
        found = {key: unsealed(key, answer) for key, answer in zip(asked, answers, strict=True)}
        return {key: packed for key, packed in found.items() if packed is not None}

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Write scores, without anybody waiting for it."""
        if not entries or len(self._writes) >= _MOST_WRITES:
            return
        write = asyncio.ensure_future(self._write(dict(list(entries.items())[:_MOST_KEYS])))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)

    async def _write(self, entries: Mapping[bytes, bytes]) -> None:
        pipeline = self._redis.client.pipeline(transaction=False)
        for key, packed in entries.items():
            pipeline.set(_PREFIX + key, sealed(key, packed), ex=self._ttl_s)
        try:
            await self._redis.ask("cache", pipeline.execute)
        except RedisUnavailable:
            return
