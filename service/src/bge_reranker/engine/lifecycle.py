"""The phases of the engine, and what each means for a caller."""

from __future__ import annotations

import threading
from enum import Enum

from ..errors import Draining, NotReady, RerankerError, WorkerDied

_STARTING_RETRY_AFTER_S = 1.0
"""Seconds after which a caller who came during warm-up may try again."""


class Phase(Enum):
    """The phases, in the order in which they may follow one another; any may be skipped."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    CLOSED = "closed"
    FAILED = "failed"


class Lifecycle:
    """The phase, and the failure that ended the engine if one did."""

    def __init__(self) -> None:
        self.phase = Phase.STARTING
        self.failure: RerankerError | None = None
        self.over = threading.Event()
        """Set when nothing will be scored any more: who waits for that is not woken by each batch."""

    @property
    def is_over(self) -> bool:
        """True when nothing will be scored any more."""
        return self.phase in (Phase.CLOSED, Phase.FAILED)

    def serve(self) -> None:
        """Warm-up is over; a drain that came first stays."""
        if self.phase is Phase.STARTING:
            self.phase = Phase.SERVING

    def drain(self) -> None:
        """Admit nothing more."""
        if not self.is_over:
            self.phase = Phase.DRAINING

    def close(self) -> None:
        """Stop; a failure stays a failure."""
        if self.phase is not Phase.FAILED:
            self.phase = Phase.CLOSED
        self.over.set()

    def fail(self, failure: RerankerError) -> None:
        """Stop for good; the first failure is the one that is reported."""
        self.failure = self.failure or failure
        self.phase = Phase.FAILED
        self.over.set()

    def check_reserve(self) -> None:
        """Let new requests in only while serving.

        Raises:
            NotReady: Before.
            Draining: After.
            WorkerDied: After a failure.
        """
        if self.phase is Phase.STARTING:
            raise NotReady("The model is still loading or warming up.", retry_after_s=_STARTING_RETRY_AFTER_S)
        if self.phase is Phase.DRAINING:
            raise Draining("The server is shutting down.")
        self.check_submit()

    def check_submit(self) -> None:
        """Let in what was reserved, during a drain too.

        Raises:
            Draining: If the engine is closed.
            WorkerDied: If the engine has failed.
        """
        if self.phase is Phase.CLOSED:
            raise Draining("The server is shutting down.")
        if self.phase is Phase.FAILED:
            raise self.death()

    def death(self) -> WorkerDied:
        """The error of callers after a failure."""
        if isinstance(self.failure, WorkerDied):
            return WorkerDied(self.failure.message, remedy=self.failure.remedy)
        return WorkerDied("The engine has ended and the process must be restarted.")
