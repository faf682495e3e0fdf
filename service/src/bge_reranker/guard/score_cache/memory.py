"""Scores in this process: the ones that were used last, within a bound of bytes."""

from __future__ import annotations

from typing import Final

from cachetools import LRUCache

ENTRY_BYTES: Final = 400
"""Most bytes that one score takes, with its key and what the cache itself needs for it."""


class MemoryScores:
    """The scores that were used last. For one thread.

    Args:
        max_bytes: Most bytes that they may take together.
    """

    def __init__(self, max_bytes: int) -> None:
        self._entries: LRUCache[bytes, bytes] = LRUCache(max_bytes // ENTRY_BYTES)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> bytes | None:
        """A score's bytes, where it is known; it counts as used."""
        return self._entries.get(key)

    def put(self, key: bytes, packed: bytes) -> None:
        """Keep a score; those that were not used for longest make room."""
        if self._entries.maxsize:
            self._entries[key] = packed
