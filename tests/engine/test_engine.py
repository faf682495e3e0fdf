"""The threads: real ones, on the real clock, kept in step by events."""

from __future__ import annotations

import logging
import math
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from typing_extensions import override

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.engine import Engine
from bge_reranker.engine.observer import BatchReport, SilentObserver
from bge_reranker.engine.ticket import Outcome
from bge_reranker.errors import BatchFailed, Draining, MissingHead, NotReady, WorkerDied
from bge_reranker.settings import EngineSettings

from .fakes import FakeScorer, RememberingObserver, logit_of, make_pair

PATIENCE_S = 30.0
"""Seconds after which a test gives up; never waited for when the engine works."""

SETTINGS = EngineSettings(max_batch_tokens=16, max_batch_ms=60_000, max_queue_tokens=100_000)


class Gate:
    """Stops the scorer inside a batch until the test lets it go on; warm-up passes freely."""

    def __init__(self) -> None:
        self.is_armed = threading.Event()
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _: Batch) -> None:
        if self.is_armed.is_set():
            self.entered.set()
            assert self.opened.wait(PATIENCE_S)


class Inbox:
    """Where outcomes arrive, with the thread that brought them."""

    def __init__(self) -> None:
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        self.threads: set[str] = set()

    def __call__(self, outcome: Outcome) -> None:
        self.threads.add(threading.current_thread().name)
        self.outcomes.put(outcome)

    def take(self) -> Outcome:
        return self.outcomes.get(timeout=PATIENCE_S)


@contextmanager
def running(scorer: FakeScorer, observer: SilentObserver | None = None) -> Iterator[Engine]:
    engine = Engine(scorer, SETTINGS, clock=scorer.clock, observer=observer)
    engine.start()
    try:
        engine.wait_until_ready(PATIENCE_S)
        scorer.batches.clear()
        yield engine
    finally:
        engine.close(PATIENCE_S)


@contextmanager
def held(scorer: FakeScorer, observer: SilentObserver | None = None) -> Iterator[tuple[Engine, Gate, Inbox]]:
    """An engine whose worker is inside the batch of a first pair, serial 1, and that pair's inbox."""
    gate, inbox = Gate(), Inbox()
    scorer.while_scoring = gate
    with running(scorer, observer) as engine:
        gate.is_armed.set()
        engine.submit(engine.reserve(16, math.inf), [make_pair(1, 16)], inbox)
        assert gate.entered.wait(PATIENCE_S)
        try:
            yield engine, gate, inbox
        finally:
            gate.opened.set()


def test_engine_scores_what_many_threads_submit_at_once() -> None:
    inboxes = [Inbox() for _ in range(8)]
    with running(FakeScorer()) as engine:

        def send(caller: int) -> None:
            for turn in range(25):
                serials = [1000 * (caller + 1) + 10 * turn + index for index in range(3)]
                with engine.reserve(12, math.inf) as reservation:
                    engine.submit(reservation, [make_pair(serial) for serial in serials], inboxes[caller])
                expected = [logit_of(make_pair(serial).tokens) for serial in serials]
                assert inboxes[caller].take().logits.tolist() == expected

        errors: list[BaseException] = []

        def send_and_tell(caller: int) -> None:
            try:
                send(caller)
            except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
                errors.append(error)

        threads = [threading.Thread(target=send_and_tell, args=(caller,)) for caller in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert errors == []
        assert engine.backlog_tokens == 0
        assert engine.backlog_s == 0
        assert engine.tokens_per_second > 0
    assert set().union(*(inbox.threads for inbox in inboxes)) == {"engine-preparer"}


def test_engine_refuses_until_it_is_ready() -> None:
    engine = Engine(FakeScorer(), SETTINGS)
    with pytest.raises(NotReady):
        engine.reserve(1, math.inf)
    with pytest.raises(NotReady):
        engine.wait_until_ready(0)
    assert engine.is_making_progress()
    engine.close(0)
    with pytest.raises(Draining):
        engine.wait_until_ready(0)


def test_engine_hands_on_the_error_that_made_warm_up_fail() -> None:
    error = MissingHead("no head")
    scorer, observer = FakeScorer(warm_up_error=error), RememberingObserver()
    engine = Engine(scorer, SETTINGS, observer=observer)
    engine.start()
    with pytest.raises(MissingHead):
        engine.wait_until_ready(PATIENCE_S)
    engine.close(PATIENCE_S)
    assert engine.failure is error
    assert not engine.is_making_progress()
    assert observer.deaths == [error]
    assert scorer.is_closed


def test_engine_prepares_the_next_batch_while_one_runs_and_keeps_the_order() -> None:
    scorer = FakeScorer()
    with held(scorer) as (engine, gate, first):
        later = [Inbox() for _ in range(3)]
        for index, inbox in enumerate(later):
            engine.submit(engine.reserve(8, math.inf), [make_pair(10 * index + 10), make_pair(10 * index + 11)], inbox)
        gate.opened.set()
        assert [inbox.take().errors for inbox in (first, *later)] == [{}] * 4
    assert scorer.batches == [[1], [10, 11, 20, 21], [30, 31]]


def test_engine_answers_an_expired_caller_while_a_batch_hangs() -> None:
    scorer = FakeScorer()
    with held(scorer) as (engine, gate, first):
        inbox, deadline = Inbox(), scorer.clock.now + 0.05
        engine.submit(engine.reserve(4, deadline), [make_pair(2)], inbox)
        scorer.clock.now = deadline
        assert inbox.take().errors[0].code == "DeadlineExceeded"
        assert not gate.opened.is_set()
        gate.opened.set()
        assert first.take().errors == {}
    assert scorer.batches == [[1]]


def test_engine_answers_an_abandoned_caller_from_its_own_thread_and_computes_nothing() -> None:
    scorer = FakeScorer()
    with held(scorer) as (engine, _, _):
        inbox = Inbox()
        submission = engine.submit(engine.reserve(4, math.inf), [make_pair(2)], inbox)
        submission.abandon()
        submission.abandon()
        assert inbox.take().errors[0].code == "CallerGone"
        assert inbox.threads == {"engine-preparer"}
        assert inbox.outcomes.empty()
    assert scorer.batches == [[1]]


def test_engine_lets_go_of_a_caller_whose_batch_is_running() -> None:
    with held(FakeScorer()) as (engine, gate, _):
        gate.opened.set()
        submission = engine.submit(engine.reserve(4, math.inf), [make_pair(2)], (inbox := Inbox()))
        inbox.take()
        submission.abandon()
        assert inbox.outcomes.empty()
        assert engine.backlog_tokens == 0


def test_reservation_gives_its_place_back_once() -> None:
    with running(FakeScorer()) as engine:
        with engine.reserve(50, math.inf) as reservation:
            assert engine.backlog_tokens == 50
            reservation.release()
        assert engine.backlog_tokens == 0
        with pytest.raises(ValueError, match="this is a bug"):
            engine.submit(reservation, [make_pair(1)], Inbox())


def test_engine_goes_on_when_a_batch_fails() -> None:
    with running(FakeScorer(raises_on={1: ValueError("secret")})) as engine:
        inbox = Inbox()
        engine.submit(engine.reserve(4, math.inf), [make_pair(1)], inbox)
        assert isinstance(inbox.take().errors[0], BatchFailed)
        engine.submit(engine.reserve(4, math.inf), [make_pair(2)], inbox)
        assert inbox.take().errors == {}
        assert engine.is_making_progress()


def test_engine_fails_everybody_and_stops_when_the_worker_dies() -> None:
    observer = RememberingObserver()
    scorer = FakeScorer(raises_on={1: SystemExit(3)})
    with held(scorer, observer) as (engine, gate, first):
        waiting = Inbox()
        reserved = engine.reserve(4, math.inf)
        engine.submit(engine.reserve(4, math.inf), [make_pair(2)], waiting)
        gate.opened.set()
        assert first.take().errors[0].code == "WorkerDied"
        assert waiting.take().errors[0].code == "WorkerDied"
        with pytest.raises(WorkerDied):
            engine.reserve(4, math.inf)
        with pytest.raises(WorkerDied):
            engine.submit(reserved, [make_pair(3)], Inbox())
        with pytest.raises(WorkerDied):
            engine.wait_until_ready(PATIENCE_S)
        assert not engine.is_making_progress()
    assert [type(error) for error in observer.deaths] == [SystemExit]
    assert scorer.is_closed


def test_close_finishes_what_is_queued_and_frees_the_scorer() -> None:
    scorer = FakeScorer()
    inbox = Inbox()
    with running(scorer) as engine:
        engine.submit(engine.reserve(400, math.inf), [make_pair(serial) for serial in range(1, 101)], inbox)
        engine.close(PATIENCE_S)
        assert inbox.take().errors == {}
        assert scorer.is_closed


def test_close_answers_what_is_left_when_the_scorer_hangs() -> None:
    with held(FakeScorer()) as (engine, _, first):
        queued = Inbox()
        engine.submit(engine.reserve(4, math.inf), [make_pair(2)], queued)
        engine.close(0)
        assert first.take().errors[0].code == "Draining"
        assert queued.take().errors[0].code == "Draining"
        with pytest.raises(Draining):
            engine.reserve(1, math.inf)


def test_drain_refuses_new_callers_and_finishes_the_old_ones() -> None:
    with held(FakeScorer()) as (engine, gate, first):
        engine.drain()
        with pytest.raises(Draining):
            engine.reserve(1, math.inf)
        gate.opened.set()
        assert first.take().errors == {}
        assert engine.is_making_progress()


def test_observer_that_raises_does_not_end_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    class BrokenObserver(SilentObserver):
        @override
        def on_batch_scored(self, report: BatchReport) -> None:
            raise KeyError(report.pairs)

    with running(FakeScorer(), BrokenObserver()) as engine, caplog.at_level(logging.ERROR):
        inbox = Inbox()
        for serial in (1, 2):
            engine.submit(engine.reserve(4, math.inf), [make_pair(serial)], inbox)
            assert inbox.take().errors == {}
    assert "this is a bug" in caplog.text


def test_a_device_with_room_for_less_says_at_start_what_it_has_room_for() -> None:
    observer = RememberingObserver()
    engine = Engine(FakeScorer(memory_tokens=300), EngineSettings(max_batch_tokens=1024), observer=observer)
    engine.start()
    engine.wait_until_ready(10)
    assert (observer.budgets, engine.budget_tokens) == ([256], 256)
    engine.close(10)
