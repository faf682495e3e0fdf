"""The engine as its callers see it: reserve capacity, submit pairs, get one outcome.

The thread-safe surface and the life of the two threads; the rules of queueing are the `dispatcher`'s, and only the
`worker` calls the scorer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from ..errors import Draining, NotReady, RerankerError
from ..settings import EngineSettings
from .batch import Pair
from .dispatcher import Dispatcher
from .lifecycle import Phase
from .observer import EngineObserver, SilentObserver
from .origin import ANYBODY, LEAST_PRIORITY, Origin, PriorityClass
from .preparer import Preparer
from .reservations import Asked, Grant
from .scorer import Scorer
from .ticket import Outcome, Ticket
from .worker import Worker

__all__ = ["Engine", "Outcome", "Reservation", "Submission"]


class Reservation:
    """Capacity of the queue, held until it is submitted or released; as a context manager it cannot leak."""

    def __init__(self, asked: Asked, grant: Grant, release: Callable[[Reservation], None]) -> None:
        self.deadline = asked.deadline
        self.is_partial = asked.is_partial
        self.is_trial = grant.is_trial
        self.grant = grant
        self._release = release
        self.is_open = True

    def release(self) -> None:
        """Give it up; without effect once it was submitted or released."""
        self._release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Submission:
    """Pairs on their way through the engine."""

    def __init__(self, abandon: Callable[[], None]) -> None:
        self._abandon = abandon

    def abandon(self) -> None:
        """Drop what has not been scored: its pairs end with `CallerGone`; without effect once all have ended."""
        self._abandon()


class Engine:
    """Scores pairs of many callers, the most urgent and the least served first, in batches of bounded size.

    Args:
        scorer: Computes logits; called from one thread of this engine only, and closed by it.
        settings: Limits of queue and batches.
        clock: Seconds; every deadline is a time on this clock.
        observer: Its callbacks are called for every event.
    """

    def __init__(
        self,
        scorer: Scorer,
        settings: EngineSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        observer: EngineObserver | None = None,
    ) -> None:
        observer = observer if observer is not None else SilentObserver()
        self._clock = clock
        self._condition = threading.Condition()
        self._most_urgent_priority = settings.most_urgent_priority
        self._dispatcher = Dispatcher(settings)
        self._worker = worker = Worker(self._dispatcher, self._condition, scorer, clock, observer)
        preparer = Preparer(self._dispatcher, self._condition, clock, observer)
        # Daemons: a scorer that hangs in a driver must not keep the process from ending.
        self._threads = (
            threading.Thread(target=worker.run, name="engine-worker", daemon=True),
            threading.Thread(target=preparer.run, name="engine-preparer", daemon=True),
        )

    def warm_up_while_idle(self) -> None:
        """Have the scorer run shapes that start-up had no time for, whenever nobody waits.

        For processes that are not forked meanwhile: a child could not compute any more.
        """
        self._worker.begin_idle_warm_up()

    def start(self) -> None:
        """Start warming up in the background; once only."""
        for thread in self._threads:
            thread.start()

    def wait_until_ready(self, timeout_s: float | None = None) -> None:
        """Block until pairs can be scored.

        Raises:
            RerankerError: What made warm-up fail.
            NotReady: If the time ran out.
            Draining: If the engine was closed first.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._dispatcher.lifecycle.phase is not Phase.STARTING, timeout_s)
            lifecycle = self._dispatcher.lifecycle
            if lifecycle.failure is not None:
                raise lifecycle.failure
            if lifecycle.phase is Phase.STARTING:
                raise NotReady(f"The model was not ready within {timeout_s} s.")
            if lifecycle.phase is not Phase.SERVING:
                raise Draining("The server is shutting down.")

    def wait_until_over(self) -> RerankerError | None:
        """Block until nothing will be scored any more.

        Returns:
            What ended the engine; None where it was closed.
        """
        self._dispatcher.lifecycle.over.wait()
        return self.failure

    @property
    def failure(self) -> RerankerError | None:
        """What ended the engine, if something did."""
        with self._condition:
            return self._dispatcher.lifecycle.failure

    @property
    def backlog_tokens(self) -> int:
        """Tokens reserved, waiting and in flight."""
        with self._condition:
            return self._dispatcher.backlog_tokens

    @property
    def backlog_s(self) -> float:
        """Seconds until the backlog is expected to be done; 0 before calibration."""
        with self._condition:
            return self._dispatcher.backlog_s(self._clock())

    @property
    def waiting_pairs(self) -> int:
        """Pairs that wait for a batch."""
        with self._condition:
            return self._dispatcher.waiting_pairs

    @property
    def waiting_by_class(self) -> Mapping[PriorityClass, int]:
        """Tokens that wait for a batch, by class of priority."""
        with self._condition:
            return dict(self._dispatcher.waiting_by_class)

    @property
    def tokens_per_second(self) -> float:
        """Measured throughput of this replica; 0 before calibration."""
        with self._condition:
            return self._dispatcher.throughput.tokens_per_second

    @property
    def batch_s(self) -> float:
        """Seconds that a batch takes however small it is, as measured at warm-up; 0 before."""
        with self._condition:
            return self._dispatcher.throughput.batch_s

    @property
    def budget_tokens(self) -> int:
        """Most tokens that the device's memory is trusted with in one batch, now."""
        with self._condition:
            return self._dispatcher.budget.tokens

    def is_making_progress(self) -> bool:
        """Liveness: false when the engine has died, or one batch runs far longer than expected."""
        with self._condition:
            return self._dispatcher.is_making_progress(self._clock())

    def reserve(
        self,
        tokens: int,
        deadline: float,
        fingerprint: Hashable = None,
        *,
        origin: Origin = ANYBODY,
        is_partial: bool = False,
    ) -> Reservation:
        """Reserve capacity for a request, or refuse it at once; never blocks.

        Args:
            tokens: Tokens that the request is expected to have.
            deadline: Time on the engine's clock by which the caller wants its answer.
            fingerprint: By which the request is recognised when it retries.
            origin: For whom it is.
            is_partial: Whether the caller takes what can be scored in time: the first pairs, without the rest.

        Raises:
            QueueFull: If the backlog leaves no room, or the request would end too late; says when to retry.
            DeadlineExceeded: If the deadline has passed already, or is too near even for the request alone.
            NotReady: If warm-up is not over.
            Draining: If the engine is going down.
            WorkerDied: If the engine is dead.
        """
        priority = max(self._most_urgent_priority, min(LEAST_PRIORITY, origin.priority))
        asked = Asked(tokens, deadline, fingerprint, replace(origin, priority=priority), is_partial)
        with self._condition:
            grant = self._dispatcher.reserve(asked, self._clock())
        return Reservation(asked, grant, self._release)

    def check_hope(self, reservation: Reservation, tokens: int) -> None:
        """Refuse a request that turns out too large for its deadline even alone, before it holds up others.

        Args:
            reservation: The request's.
            tokens: Tokens of as much of the request as is known.

        Raises:
            DeadlineExceeded: If so; now and then an idle engine tries one all the same, in case its estimate is wrong.
        """
        with self._condition:
            if not reservation.is_trial and not reservation.is_partial:
                reservation.is_trial = self._dispatcher.check_hope(
                    tokens, reservation.grant.tokens, reservation.deadline, self._clock()
                )

    def submit(self, reservation: Reservation, pairs: Sequence[Pair], on_done: Callable[[Outcome], None]) -> Submission:
        """Queue pairs under a reservation, whatever their true number of tokens is.

        Args:
            reservation: From `reserve`, used up by this call; at its deadline every pair without a logit ends with
                `DeadlineExceeded`.
            pairs: At least one; not to be changed afterwards.
            on_done: Called exactly once, from a thread of the engine; never called when this method raises.

        Raises:
            Draining: If the engine was closed meanwhile; the reservation stays to be released.
            WorkerDied: If the engine died meanwhile; the reservation stays to be released.
            ValueError: If there is no pair, or the reservation was used before; this is a bug.
        """
        ticket = Ticket(
            pairs,
            reservation.deadline,
            on_done,
            self._clock(),
            lane=reservation.grant.lane,
            is_trial=reservation.is_trial,
            is_partial=reservation.is_partial,
        )
        with self._condition:
            if not reservation.is_open:
                raise ValueError("the reservation was submitted or released before; this is a bug")
            self._dispatcher.submit(ticket, reservation.grant)
            reservation.is_open = False
            self._condition.notify_all()
        return Submission(lambda: self._abandon(ticket))

    def drain(self) -> None:
        """Refuse new reservations from now on; what is reserved or queued is still scored."""
        with self._condition:
            self._dispatcher.lifecycle.drain()
            self._condition.notify_all()

    def close(self, timeout_s: float) -> None:
        """Drain, wait for what is queued, end the rest with `Draining`, and stop the threads; not from `on_done`.

        Args:
            timeout_s: Seconds to wait for queued work, and once more for a batch that is running then.
        """
        self.drain()
        with self._condition:
            # Before `start` and during warm-up nothing is queued, so this does not wait for a model to load.
            self._condition.wait_for(lambda: not self._dispatcher.has_live_tickets, timeout_s)
            self._dispatcher.close(self._clock())
            self._condition.notify_all()
        worker, preparer = self._threads
        if preparer.is_alive():
            preparer.join(timeout_s)
        if worker.is_alive():
            worker.join(timeout_s)

    def _release(self, reservation: Reservation) -> None:
        with self._condition:
            if reservation.is_open:
                reservation.is_open = False
                self._dispatcher.release(reservation.grant.tokens, reservation.deadline)

    def _abandon(self, ticket: Ticket) -> None:
        with self._condition:
            self._dispatcher.abandon(ticket, self._clock())
            self._condition.notify_all()
