"""The thread beside the worker: packs the next batch while one runs, ends what has expired, answers callers.

It does everything that must go on while the scorer computes, and never calls the scorer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from ..errors import WorkerDied
from .batch import pack
from .dispatcher import Dispatcher
from .observer import EngineObserver, notify
from .ticket import Ticket


class Preparer:
    """Keeps the next batch ready and delivers outcomes, outside the lock and off the worker's thread.

    Args:
        dispatcher: The state, shared with the worker and the callers.
        condition: Guards the dispatcher, and is notified of every change.
        clock: Seconds, as used for deadlines.
        observer: Its callbacks are called for pairs that ended.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        condition: threading.Condition,
        clock: Callable[[], float],
        observer: EngineObserver,
    ) -> None:
        self._dispatcher = dispatcher
        self._condition = condition
        self._clock = clock
        self._observer = observer

    def run(self) -> None:
        """Work until the engine is over and every caller has an answer; the body of the thread."""
        try:
            while self._wait_for_work():
                self.step()
        except BaseException as error:  # noqa: BLE001 - whatever ends this thread, every caller must hear of it
            self._die(error)

    def step(self) -> None:
        """End what has expired, answer whoever can be answered, and pack the next batch if there is one to pack."""
        with self._condition:
            now = self._clock()
            self._dispatcher.sweep(now)
            plan = self._dispatcher.prepare(now)
            ended = self._dispatcher.pop_ended()
            # The worker may wait for the plan, and whoever closes the engine for the last ticket to end; to wake others
            # for nothing costs a busy server a part of each request's time.
            if self._dispatcher.can_begin() or not self._dispatcher.has_live_tickets:
                self._condition.notify_all()
        self._deliver(ended)
        if plan is None:
            return
        batch = pack(plan.pairs)
        with self._condition:
            self._dispatcher.attach(plan, batch)

    def _wait_for_work(self) -> bool:
        with self._condition:
            while not self._has_work():
                if self._dispatcher.lifecycle.is_over:
                    return False
                self._condition.wait(self._seconds_to_next_deadline())
            return True

    def _has_work(self) -> bool:
        deadline = self._dispatcher.next_deadline
        if deadline is not None and deadline <= self._clock():
            return True
        return self._dispatcher.has_ended_tickets or self._dispatcher.can_prepare()

    def _seconds_to_next_deadline(self) -> float | None:
        deadline = self._dispatcher.next_deadline
        return None if deadline is None else min(deadline - self._clock(), threading.TIMEOUT_MAX)

    def _deliver(self, ended: Sequence[Ticket]) -> None:
        for ticket in ended:
            for code, pairs in ticket.pairs_by_code().items():
                notify(self._observer.on_pairs_ended, code, pairs)
            try:
                ticket.on_done(ticket.outcome())
            except Exception as error:  # noqa: BLE001 - one caller's mistake must not cost the others their answers
                notify(self._observer.on_callback_failed, error)

    def _die(self, error: BaseException) -> None:
        failure = WorkerDied(f"The thread that prepares batches ended by {type(error).__name__}.")
        failure.__cause__ = error
        with self._condition:
            self._dispatcher.fail(failure, self._clock())
            ended = self._dispatcher.pop_ended()
            self._condition.notify_all()
        notify(self._observer.on_engine_died, error)
        self._deliver(ended)
