from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from reranker_operator.resource import Key
from reranker_operator.worklist import (
    LEAST_PAUSE_S,
    LONGEST_PAUSE_S,
    Gone,
    Outcome,
    Requeue,
    Retry,
    Schedule,
    Worklist,
    backoff_s,
)

from .fakes import FakeTime

A, B = Key("n", "a"), Key("n", "b")


def run(check: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(_with_limit(check), 60))


async def _with_limit(check: Callable[[], Awaitable[None]]) -> None:
    await check()


class Recorder:
    """Work that says when it is done."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.keys: list[Key] = []
        self.done = asyncio.Event()

    async def __call__(self, key: Key) -> Outcome:
        self.keys.append(key)
        outcome = self.outcomes.pop(0)
        if not self.outcomes:
            self.done.set()
        return outcome


def test_every_key_is_worked_on_and_the_pause_is_the_worker_s_wish() -> None:
    async def check() -> None:
        work = Recorder(Requeue(0.01), Requeue(3600), Requeue(3600))
        now = asyncio.get_running_loop().time
        schedules = [Schedule(A, now()), Schedule(B, now())]
        worklist = Worklist(lambda: schedules, work, now)
        task = asyncio.create_task(worklist.run(2))
        await work.done.wait()
        task.cancel()
        assert sorted(work.keys) == [A, A, B]

    run(check)


def test_a_key_is_never_worked_on_twice_at_a_time_and_news_meanwhile_are_not_lost() -> None:
    async def check() -> None:
        running, most, rounds, done = 0, 0, 0, asyncio.Event()

        async def work(_: Key) -> Outcome:
            nonlocal running, most, rounds
            running, rounds = running + 1, rounds + 1
            most = max(most, running)
            if rounds == 1:
                worklist.enqueue(schedule)
                worklist.enqueue_now(schedule)
            await asyncio.sleep(0)
            running -= 1
            if rounds == 2:
                done.set()
            return Requeue(3600)

        now = asyncio.get_running_loop().time
        schedule = Schedule(A, now())
        worklist = Worklist(lambda: [schedule], work, now)
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


def test_work_on_a_key_that_is_gone_ends() -> None:
    async def check() -> None:
        work = Recorder(Gone(), Gone())
        now = asyncio.get_running_loop().time
        schedules = [Schedule(A, now()), Schedule(B, now())]
        worklist = Worklist(lambda: schedules, work, now)
        task = asyncio.create_task(worklist.run(1))
        await work.done.wait()
        await asyncio.sleep(0)
        task.cancel()
        assert worklist.age_s() == 0

    run(check)


def test_the_age_is_that_of_the_oldest_work_that_is_due() -> None:
    async def never(_: Key) -> Outcome:
        return Requeue(0)

    time = FakeTime()
    schedules: list[Schedule] = []
    worklist = Worklist(lambda: schedules, never, time)
    assert worklist.age_s() == 0
    schedules += [Schedule(A, time() + 100), Schedule(B, time())]
    time.now += 30
    assert worklist.age_s() == 30


def test_who_is_added_while_a_round_fails_does_not_wait_for_the_pause_of_the_failure() -> None:
    async def check() -> None:
        time, done = FakeTime(), asyncio.Event()

        async def work(_: Key) -> Outcome:
            worklist.enqueue_now(schedule)
            done.set()
            return Retry()

        schedule = Schedule(A, time())
        worklist = Worklist(lambda: [schedule], work, time)
        task = asyncio.create_task(worklist.run(1))
        await done.wait()
        await asyncio.sleep(0)
        task.cancel()
        time.now += LEAST_PAUSE_S + 0.1
        assert backoff_s(1) > LEAST_PAUSE_S + 0.1
        assert worklist.age_s() > 0

    run(check)


def test_a_namesake_waits_for_the_round_of_the_former_one_whose_age_still_counts() -> None:
    async def check() -> None:
        time, running, may_end = FakeTime(), asyncio.Semaphore(0), asyncio.Event()

        async def work(_: Key) -> Outcome:
            running.release()
            await may_end.wait()
            return Gone()

        schedules = [Schedule(A, time())]
        worklist = Worklist(lambda: schedules, work, time)
        task = asyncio.create_task(worklist.run(2))
        await running.acquire()
        time.now += 30
        schedules[:] = [Schedule(A, time())]
        worklist.enqueue_now(schedules[0])
        for _ in range(5):
            await asyncio.sleep(0)
        assert running.locked(), "the namesake has its turn after the former one"
        assert worklist.age_s() == 30, "a round that hangs is seen though its Reranker is gone"
        may_end.set()
        await running.acquire()
        task.cancel()

    run(check)
