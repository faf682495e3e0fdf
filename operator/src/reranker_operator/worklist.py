"""What is to be reconciled, and when: one worker a key at a time, repeated with growing pauses while it fails."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from .resource import Key

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
"""Bounds of the pause after failures, which doubles."""

LEAST_PAUSE_S = 0.2
"""Between two rounds of a key: what changes together is looked at once, and a fight of two writers costs little."""


@dataclass(frozen=True)
class Requeue:
    """The round is done: the next one comes after a pause, unless something changes before."""

    after_s: float


@dataclass(frozen=True)
class Retry:
    """The round failed: it is repeated, with growing pauses."""


@dataclass(frozen=True)
class Gone:
    """The Reranker is no more, and there is no next round."""


Outcome = Requeue | Retry | Gone
"""What comes after a round."""


@dataclass(eq=False)
class Schedule:
    """When one key is reconciled next.

    Attributes:
        is_dirty: Something changed since the round began, by `enqueue`.
        is_urgent: A round at once was asked for since the round began, by `enqueue_now`.
    """

    key: Key
    due_s: float
    failures: int = 0
    is_running: bool = False
    is_dirty: bool = False
    is_urgent: bool = False

    def begin(self) -> None:
        """A round begins."""
        self.is_running, self.is_dirty, self.is_urgent = True, False, False

    def end(self, outcome: Outcome, now_s: float) -> None:
        """A round ended."""
        has_failed = isinstance(outcome, Retry)
        self.is_running = False
        self.failures = self.failures + 1 if has_failed else 0
        # A change does not shorten the pause after a failure, but who asked for a round at once gets it.
        if self.is_urgent or (self.is_dirty and not has_failed):
            self.due_s = now_s + LEAST_PAUSE_S
        else:
            self.due_s = now_s + self._pause_s(outcome)

    def _pause_s(self, outcome: Outcome) -> float:
        match outcome:
            case Requeue(after_s):
                return after_s
            case Retry():
                return backoff_s(self.failures)
            case Gone():
                return math.inf


class Worklist:
    """Runs `work(key)` for keys that are due.

    Args:
        schedules: Of all keys there are.
        work: A round.
        now: The clock.
    """

    def __init__(
        self,
        schedules: Callable[[], Iterable[Schedule]],
        work: Callable[[Key], Awaitable[Outcome]],
        now: Callable[[], float],
    ) -> None:
        self._schedules = schedules
        self._work = work
        self._now = now
        self._running: dict[Key, Schedule] = {}
        self._changed = asyncio.Event()

    def enqueue(self, schedule: Schedule) -> None:
        """Something changed; while its rounds fail, the pauses stay as they are."""
        if schedule.is_running:
            schedule.is_dirty = True
        elif not schedule.failures:
            schedule.due_s = min(schedule.due_s, self._now() + LEAST_PAUSE_S)
        self._changed.set()

    def enqueue_now(self, schedule: Schedule) -> None:
        """Have a round at once, or directly after the one that runs, failures or not."""
        if schedule.is_running:
            schedule.is_urgent = True
        else:
            schedule.due_s = min(schedule.due_s, self._now())
        self._changed.set()

    def age_s(self) -> float:
        """For how long the oldest due or running work has been so: small while work gets done."""
        known = (*self._schedules(), *self._running.values())
        return max([0.0, *(self._now() - schedule.due_s for schedule in known)])

    async def run(self, workers: int) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            schedule = self._next()
            if schedule is None or schedule.due_s > self._now():
                await self._rest(schedule)
            else:
                await self._round(schedule)

    def _next(self) -> Schedule | None:
        """Whose turn is next. A namesake waits for the round of the former one."""
        waiting = (each for each in self._schedules() if each.key not in self._running)
        return min(waiting, key=lambda each: (each.due_s, each.key), default=None)

    async def _round(self, schedule: Schedule) -> None:
        outcome: Outcome = Retry()
        self._running[schedule.key] = schedule
        schedule.begin()
        try:
            outcome = await self._work(schedule.key)
        finally:
            del self._running[schedule.key]
            schedule.end(outcome, self._now())
            self._changed.set()

    async def _rest(self, following: Schedule | None) -> None:
        """Until something is due or changes."""
        self._changed.clear()
        pause_s = math.inf if following is None else following.due_s - self._now()
        try:
            await asyncio.wait_for(self._changed.wait(), None if math.isinf(pause_s) else max(pause_s, 0.001))
        except TimeoutError:
            return


def backoff_s(failures: int) -> float:
    """Pause after so many failures in a row."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16)))
