"""The thread that owns the scorer: warm-up, then one batch after another, on a device with the next one behind it.

It answers no callers, which would keep the device waiting; the `preparer` does.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import BatchFailed, PairTooLarge, RerankerError, WorkerDied
from .batch import Batch, Pair, pack
from .budget import TokenBudget
from .calibration import calibrate, smallest_batch, warm_up
from .dispatcher import Dispatcher
from .flight import Flight, WrongShape, checked
from .isolation import Isolation
from .observer import EngineObserver, notify
from .plan import Plan
from .scorer import Launched, Scorer, ScorerLost, ScorerOutOfMemory, launch

_FRUITLESS_BATCHES = 2
"""Failed batches in a row without a single score after which the scorer is suspected, rather than the pairs."""

_RESTART = "Start the process again; a server ends by itself, so that its container is restarted."


class Worker:
    """Runs batches. The condition guards the dispatcher; it is never held while the scorer computes.

    Args:
        dispatcher: The state, shared with the preparer and the callers.
        condition: Guards the dispatcher, and is notified of every change.
        scorer: Called from this worker's thread only.
        clock: Seconds, as used for deadlines.
        observer: Its callbacks are called for batches.
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
        self._flights: deque[Flight] = deque()
        self._free_at = float("-inf")
        """When the last batch ended."""
        self._fruitless_batches = 0
        self._has_more_to_warm_up = False

    def run(self) -> None:
        """Warm up and serve until the engine closes or dies; the body of the thread."""
        try:
            self.warm_up()
            while self._wait_for_batch():
                self.step()
        except BaseException as error:  # noqa: BLE001 - whatever ends this thread, every caller must hear of it
            self._die(error)
        self._flights.clear()
        self._close_scorer()

    def warm_up(self) -> None:
        """Warm the scorer up, measure its throughput and open the engine."""
        began = self._clock()
        wanted = self._dispatcher.budget.maximum_tokens
        tokens = warm_up(self._scorer, wanted)
        throughput = calibrate(self._scorer, self._clock, tokens)
        with self._condition:
            self._dispatcher.serve(TokenBudget(tokens), throughput)
            self._condition.notify_all()
        if tokens < wanted:
            notify(self._observer.on_budget_changed, tokens, wanted)
        notify(self._observer.on_ready, throughput.tokens_per_second, self._clock() - began)

    def step(self) -> bool:
        """Score the next batch; on a device, launch those behind it meanwhile.

        Returns:
            False when there was none.
        """
        if not self._flights and not self._launch_next(self._dispatcher.begin):
            return False
        while self._can_launch_ahead() and self._launch_next(self._dispatcher.begin_ahead):
            pass
        self._end_oldest()
        return True

    def _can_launch_ahead(self) -> bool:
        """Whether the scorer takes a further batch; none behind one that is to be computed again."""
        return len(self._flights) < self._scorer.description.batches_in_flight and not self._flights[-1].has_failed

    def _launch_next(self, begin: Callable[[float], Plan | None]) -> bool:
        with self._condition:
            plan = begin(self._clock())
            # The preparer takes the next batch now, and answers callers whose deadline came just before this one.
            self._condition.notify_all()
        if plan is None:
            return False
        is_ahead = bool(self._flights)
        self._flights.append(Flight(plan, self._launch, self._clock, is_ahead=is_ahead))
        return True

    def _launch(self, batch: Batch) -> Launched:
        return launch(self._scorer, batch)

    def _end_oldest(self) -> None:
        flight = self._flights.popleft()
        flight.wait(self._free_at)
        if flight.ran_out and flight.is_ahead:
            # Beside another batch there was less room than there is now.
            flight = Flight(flight.plan, self._launch, self._clock, is_ahead=False)
            flight.wait(self._free_at)
        began = max(self._free_at, flight.launched_at)
        self._free_at = self._clock()
        try:
            logits = flight.logits()
        except (ScorerOutOfMemory, MemoryError):
            self._run_out_of_memory(flight.plan, self._clock() - began)
        except ScorerLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must cost the pairs to blame and no others
            # What is under way is timed before the scorer is asked for anything else.
            for other in self._flights:
                other.wait(self._free_at)
            self._isolate(flight.plan, error, began)
        else:
            self._finish(flight.plan, logits, flight.compute_s)
        self._free_at = self._clock()

    def begin_idle_warm_up(self) -> None:
        """Have shapes run that start-up had no time for, whenever nobody waits; from any thread."""
        with self._condition:
            self._has_more_to_warm_up = True
            self._condition.notify_all()

    def _wait_for_batch(self) -> bool:
        while True:
            self.warm_up_while_idle()
            with self._condition:
                self._condition.wait_for(lambda: self._is_wanted() or self._has_more_to_warm_up)
                if self._is_wanted():
                    return not self._dispatcher.lifecycle.is_over

    def warm_up_while_idle(self) -> None:
        """Run shapes that start-up had no time for, until somebody waits."""
        while self._has_more_to_warm_up:
            with self._condition:
                if self._is_wanted():
                    return
            try:
                self._has_more_to_warm_up = self._scorer.warm_up_further()
            except (ScorerOutOfMemory, MemoryError):
                # Batches of such a shape are told apart when they come.
                self._has_more_to_warm_up = False

    def _is_wanted(self) -> bool:
        return bool(self._flights) or self._dispatcher.lifecycle.is_over or self._dispatcher.can_begin()

    def _score(self, batch: Batch) -> NDArray[np.float32]:
        """Compute the logits of a batch.

        Returns:
            float32 (N,): one logit per pair.
        """
        return checked(self._scorer.score(batch), batch)

    def _finish(self, plan: Plan, logits: NDArray[np.float32], compute_s: float) -> None:
        with self._condition:
            has_grown = self._dispatcher.finish(logits, compute_s)
            budget = self._dispatcher.budget
            self._condition.notify_all()
        self._fruitless_batches = 0
        notify(self._observer.on_batch_scored, plan.report(compute_s))
        if has_grown:
            notify(self._observer.on_budget_changed, budget.tokens, budget.maximum_tokens)

    def _isolate(self, plan: Plan, error: Exception, began: float) -> None:
        """Fail the pairs that the scorer fails on even alone, and score the others of their batch."""
        failed_s = self._clock() - began
        notify(self._observer.on_batch_failed, plan.report(failed_s), error)
        pairs = plan.pairs
        parts = Isolation([len(pair) for pair in pairs], self._scorer_of_parts(pairs), self._check_scorer)
        parts.run(error)
        if len(parts.errors) < len(pairs):
            self._fruitless_batches = 0
        else:
            self._fruitless_batches += 1
            if self._fruitless_batches >= _FRUITLESS_BATCHES:
                self._check_scorer()
        errors = {index: _error_of(pairs[index], found) for index, found in parts.errors.items()}
        compute_s = self._clock() - began
        with self._condition:
            self._dispatcher.finish_in_parts(parts.logits, errors, compute_s)
            self._condition.notify_all()
        scored = plan.report(compute_s - failed_s, without=parts.errors)
        if scored.pairs:
            notify(self._observer.on_batch_scored, scored)

    def _scorer_of_parts(self, pairs: Sequence[Pair]) -> Callable[[Sequence[int]], NDArray[np.float32]]:
        def score(indices: Sequence[int]) -> NDArray[np.float32]:
            with self._condition:
                is_wanted = self._dispatcher.begin_part(self._clock())
                self._condition.notify_all()
            wanted = [index for index in indices if is_wanted[index]]
            logits = np.zeros(len(pairs), dtype=np.float32)
            if wanted:
                logits[wanted] = self._score(pack([pairs[index] for index in wanted]))
            return logits[list(indices)]

        return score

    def _check_scorer(self) -> None:
        """Let the scorer compute what it computed at start.

        Raises:
            WorkerDied: If it fails: it is not the pairs that are to blame.
        """
        try:
            self._score(smallest_batch(self._scorer))
        except (ScorerOutOfMemory, MemoryError):
            return
        except ScorerLost:
            raise
        except Exception as error:
            raise WorkerDied(
                f"The scorer raises {type(error).__name__} on every pair, also on the one that it scored at start.",
                remedy=_RESTART,
            ) from error

    def _run_out_of_memory(self, plan: Plan, compute_s: float) -> None:
        with self._condition:
            has_shrunk = self._dispatcher.run_out_of_memory(compute_s)
            budget = self._dispatcher.budget
            self._condition.notify_all()
        if len(plan.pairs) > 1:
            # They wait again, as this one does.
            self._flights.clear()
        notify(self._observer.on_out_of_memory, plan.report(compute_s), budget.tokens)
        if has_shrunk:
            notify(self._observer.on_budget_changed, budget.tokens, budget.maximum_tokens)

    def _die(self, error: BaseException) -> None:
        if isinstance(error, RerankerError):
            failure = error
        elif isinstance(error, ScorerLost):
            failure = WorkerDied(f"The device reported: {error}. It computes nothing any more.", remedy=_RESTART)
            failure.__cause__ = error
        else:
            failure = WorkerDied(f"The thread of the scorer ended by {type(error).__name__}.")
            failure.__cause__ = error
        with self._condition:
            self._dispatcher.fail(failure, self._clock())
            self._condition.notify_all()
        notify(self._observer.on_engine_died, error)

    def _close_scorer(self) -> None:
        try:
            self._scorer.close()
        except Exception as error:  # noqa: BLE001 - the process is ending; it must not end differently for this
            notify(self._observer.on_engine_died, error)


def _error_of(pair: Pair, error: Exception) -> RerankerError:
    """The error of a pair that the scorer failed on."""
    if isinstance(error, ScorerOutOfMemory | MemoryError):
        return PairTooLarge(f"The device has no memory for this pair of {len(pair)} tokens, even alone.")
    if isinstance(error, WrongShape):
        return BatchFailed(str(error))
    # The type only: a message of a foreign library may hold what it was given.
    return BatchFailed(f"The scorer raised {type(error).__name__} on this pair.")
