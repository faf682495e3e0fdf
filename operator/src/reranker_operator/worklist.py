"""What is to be reconciled, and when: one worker a key at a time, repeated with growing pauses while it fails."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .resource import Key

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
"""Bounds of the pause after failures, which doubles."""

LEAST_PAUSE_S = 0.2
"""Between two rounds of a key: what changes together is looked at once, and a fight of two writers costs little."""


@dataclass
class _Entry:
    """State of one key.

    Attributes:
        is_dirty: Something was heard of it since the round began, by `enqueue`.
        is_urgent: A look at once was asked for since the round began, by `add`.
    """

    due_s: float
    failures: int = 0
    is_running: bool = False
    is_dirty: bool = False
    is_urgent: bool = False


class Worklist:
    """Runs `work(key)` for keys that are due.

    Args:
        work: Gives the seconds until the next look; infinity ends it, None asks for a repetition with growing pauses.
        now: The clock.
    """

    def __init__(self, work: Callable[[Key], Awaitable[float | None]], now: Callable[[], float]) -> None:
        self._work = work
        self._now = now
        self._entries: dict[Key, _Entry] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, delay_s: float = 0.0) -> None:
        """Have the key looked at after a delay at the latest."""
        due_s = self._now() + delay_s
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = _Entry(due_s)
        elif entry.is_running:
            entry.is_urgent = entry.is_urgent or delay_s == 0
        else:
            entry.due_s = min(entry.due_s, due_s)
        self._changed.set()

    def enqueue(self, key: Key) -> None:
        """Something was heard about the key; while it fails, the pauses stay as they are."""
        entry = self._entries.get(key)
        if entry is not None and entry.failures and not entry.is_running:
            return
        self.add(key, LEAST_PAUSE_S)
        if entry is not None and entry.is_running:
            entry.is_dirty = True

    def age_s(self) -> float:
        """For how long the oldest due or running work has been so: small while work gets done."""
        return max([0.0, *(self._now() - entry.due_s for entry in self._entries.values())])

    async def run(self, workers: int) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            key = self._take()
            if key is None:
                await self._rest()
                continue
            await self._round(key, self._entries[key])

    def _take(self) -> Key | None:
        now = self._now()
        due = [
            (entry.due_s, key) for key, entry in self._entries.items() if not entry.is_running and entry.due_s <= now
        ]
        if not due:
            return None
        _, key = min(due)
        entry = self._entries[key]
        entry.is_running, entry.is_dirty, entry.is_urgent = True, False, False
        return key

    async def _round(self, key: Key, entry: _Entry) -> None:
        wish_s: float | None = None
        try:
            wish_s = await self._work(key)
        finally:
            entry.is_running = False
            entry.failures = 0 if wish_s is not None else entry.failures + 1
            pause_s = wish_s if wish_s is not None else backoff_s(entry.failures)
            # News do not shorten the pause after a failure, but who asked for a look gets it.
            is_soon = entry.is_urgent or (entry.is_dirty and wish_s is not None)
            entry.due_s = self._now() + (LEAST_PAUSE_S if is_soon else pause_s)
            if math.isinf(entry.due_s):
                del self._entries[key]
            self._changed.set()

    async def _rest(self) -> None:
        """Until something is due or changes."""
        waiting = [entry.due_s for entry in self._entries.values() if not entry.is_running]
        self._changed.clear()
        pause_s = min(waiting) - self._now() if waiting else None
        try:
            await asyncio.wait_for(self._changed.wait(), pause_s if pause_s is None else max(pause_s, 0.001))
        except TimeoutError:
            return


def backoff_s(failures: int) -> float:
    """Pause after so many failures in a row."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16)))
