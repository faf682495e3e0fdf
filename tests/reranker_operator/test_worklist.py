from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from reranker_operator.resource import Key
from reranker_operator.worklist import LEAST_PAUSE_S, LONGEST_PAUSE_S, Worklist, backoff_s

from .fakes import FakeTime

A, B = Key("n", "a"), Key("n", "b")


def run(check: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(_with_limit(check), 60))


async def _with_limit(check: Callable[[], Awaitable[None]]) -> None:
    await check()


class Recorder:
    """Work that says when it is done."""

    def __init__(self, *pauses: float | None) -> None:
        self.pauses = list(pauses)
        self.keys: list[Key] = []
        self.done = asyncio.Event()

    async def __call__(self, key: Key) -> float | None:
        self.keys.append(key)
        pause = self.pauses.pop(0)
        if not self.pauses:
            self.done.set()
        return pause


def test_every_key_is_worked_on_and_the_pause_is_the_worker_s_wish() -> None:
    async def check() -> None:
        work = Recorder(0.01, 3600, 3600)
        worklist = Worklist(work, asyncio.get_running_loop().time)
        worklist.add(A)
        worklist.add(B)
        task = asyncio.create_task(worklist.run(2))
        await work.done.wait()
        task.cancel()
        assert sorted(work.keys) == [A, A, B]

    run(check)


def test_a_key_is_never_worked_on_twice_at_a_time_and_news_meanwhile_are_not_lost() -> None:
    async def check() -> None:
        running, most, rounds, done = 0, 0, 0, asyncio.Event()

        async def work(key: Key) -> float:
            nonlocal running, most, rounds
            running, rounds = running + 1, rounds + 1
            most = max(most, running)
            if rounds == 1:
                worklist.enqueue(key)
                worklist.add(key)
            await asyncio.sleep(0)
            running -= 1
            if rounds == 2:
                done.set()
            return 3600

        worklist = Worklist(work, asyncio.get_running_loop().time)
        worklist.add(A)
        task = asyncio.create_task(worklist.run(4))
        await done.wait()
        task.cancel()
        assert (most, rounds) == (1, 2)

    run(check)


def test_failures_are_repeated_with_growing_pauses() -> None:
    pauses = [backoff_s(failures) for failures in range(1, 60)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S


def test_infinity_ends_the_work_on_a_key() -> None:
    async def check() -> None:
        work = Recorder(math.inf, math.inf)
        worklist = Worklist(work, asyncio.get_running_loop().time)
        worklist.add(A)
        worklist.add(B)
        task = asyncio.create_task(worklist.run(1))
        await work.done.wait()
        await asyncio.sleep(0)
        task.cancel()
        assert worklist.age_s() == 0

    run(check)


def test_the_age_is_that_of_the_oldest_work_that_is_due() -> None:
    async def never(_: Key) -> float:
        return 0

    time = FakeTime()
    worklist = Worklist(never, time)
    assert worklist.age_s() == 0
    worklist.add(A, delay_s=100)
    worklist.add(B)
    time.now += 30
    assert worklist.age_s() == 30


def test_who_is_added_while_a_round_fails_does_not_wait_for_the_pause_of_the_failure() -> None:
    async def check() -> None:
        time, done = FakeTime(), asyncio.Event()

        async def work(key: Key) -> None:
            worklist.add(key)
            done.set()

        worklist = Worklist(work, time)
        worklist.add(A)
        task = asyncio.create_task(worklist.run(1))
        await done.wait()
        await asyncio.sleep(0)
        task.cancel()
        time.now += LEAST_PAUSE_S + 0.1
        assert backoff_s(1) > LEAST_PAUSE_S + 0.1
        assert worklist.age_s() > 0

    run(check)
