"""The thread that owns the scorer: warm-up, then one batch after another.

What belongs here: calling the scorer and telling the dispatcher what came of it. What must not: which pairs are next,
and answering callers, which would keep the device waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import BatchFailed, RerankerError, WorkerDied
from .batch import pack
from .budget import TokenBudget
from .calibration import calibrate, warm_up
from .dispatcher import Dispatcher
from .observer import EngineObserver, tell
from .plan import Plan
from .scorer import Scorer, ScorerOutOfMemory


class _WrongShape(Exception):
    """The scorer broke its contract; unlike a foreign message, this one may be shown."""


class Worker:
    """Runs batches. The condition guards the dispatcher; it is never held while the scorer computes.

    Args:
        dispatcher: The state, shared with the preparer and the callers.
        condition: Guards the dispatcher, and is notified of every change.
        scorer: Called from this worker's thread only.
        clock: Seconds, as used for deadlines.
        observer: Hears of batches.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        condition: threading.Condition,
        scorer: Scorer,
        clock: Callable[[], float],
        observer: EngineObserver,
    ) -> None:
        self._dispatcher = dispatcher
        self._condition = condition
        self._scorer = scorer
        self._clock = clock
        self._observer = observer

    def run(self) -> None:
        """Warm up and serve until the engine closes or dies; the body of the thread."""
        try:
            self.warm_up()
            while self._wait_for_batch():
                self.step()
        except BaseException as error:  # noqa: BLE001 - whatever ends this thread, every caller must hear of it
            self._die(error)
        self._close_scorer()

    def warm_up(self) -> None:
        """Warm the scorer up, measure its throughput and open the engine."""
        began = self._clock()
        tokens = warm_up(self._scorer, self._dispatcher.budget.maximum_tokens)
        throughput = calibrate(self._scorer, self._clock, tokens)
        with self._condition:
            self._dispatcher.serve(TokenBudget(tokens), throughput)
            self._condition.notify_all()
        tell(self._observer.became_ready, throughput.tokens_per_second, self._clock() - began)

    def step(self) -> bool:
        """Score the next batch.

        Returns:
            False when there was none.
        """
        with self._condition:
            plan = self._dispatcher.begin(self._clock())
            # The preparer takes the next batch now, and answers callers whose deadline came just before this one.
            self._condition.notify_all()
        if plan is None:
            return False
        began = self._clock()
        try:
            logits = self._score(plan)
        except (ScorerOutOfMemory, MemoryError):
            self._run_out_of_memory(plan, self._clock() - began)
        except Exception as error:  # noqa: BLE001 - a failed batch fails its own pairs and nothing else
            self._fail(plan, error, self._clock() - began)
        else:
            self._finish(plan, logits, self._clock() - began)
        return True

    def _wait_for_batch(self) -> bool:
        with self._condition:
            self._condition.wait_for(lambda: self._dispatcher.lifecycle.is_over or self._dispatcher.can_begin())
            return not self._dispatcher.lifecycle.is_over

    def _score(self, plan: Plan) -> NDArray[np.float32]:
        """Compute the logits of a plan.

        Returns:
            float32 (N,): one logit per pair.
        """
        batch = plan.batch if plan.batch is not None else pack(plan.pairs)
        logits = np.asarray(self._scorer.score(batch), dtype=np.float32)
        if logits.shape != (len(batch),):
            raise _WrongShape(f"the scorer gave logits of shape {logits.shape} for {len(batch)} pairs; this is a bug")
        return logits

    def _finish(self, plan: Plan, logits: NDArray[np.float32], compute_s: float) -> None:
        with self._condition:
            has_grown = self._dispatcher.finish(logits, compute_s)
            budget = self._dispatcher.budget
            self._condition.notify_all()
        tell(self._observer.batch_scored, plan.report(compute_s))
        if has_grown:
            tell(self._observer.budget_changed, budget.tokens, budget.maximum_tokens)

    def _fail(self, plan: Plan, error: Exception, compute_s: float) -> None:
        # The type only: a message of a foreign library may hold what it was given.
        message = f"The scorer raised {type(error).__name__} while it computed the batch of this pair."
        if isinstance(error, _WrongShape):
            message = str(error)
        with self._condition:
            self._dispatcher.fail_batch(BatchFailed(message))
            self._condition.notify_all()
        tell(self._observer.batch_failed, plan.report(compute_s), error)

    def _run_out_of_memory(self, plan: Plan, compute_s: float) -> None:
        with self._condition:
            has_shrunk = self._dispatcher.run_out_of_memory()
            budget = self._dispatcher.budget
            self._condition.notify_all()
        tell(self._observer.ran_out_of_memory, plan.report(compute_s), budget.tokens)
        if has_shrunk:
            tell(self._observer.budget_changed, budget.tokens, budget.maximum_tokens)

    def _die(self, error: BaseException) -> None:
        if isinstance(error, RerankerError):
            failure = error
        else:
            failure = WorkerDied(f"The thread of the scorer ended by {type(error).__name__}.")
            failure.__cause__ = error
        with self._condition:
            self._dispatcher.fail(failure, self._clock())
            self._condition.notify_all()
        tell(self._observer.engine_died, error)

    def _close_scorer(self) -> None:
        try:
            self._scorer.close()
        except Exception as error:  # noqa: BLE001 - the process is ending; it must not end differently for this
            tell(self._observer.engine_died, error)
