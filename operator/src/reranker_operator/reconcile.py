"""One round of work on one Reranker: render, adopt, apply, prune, observe, report.

Rounds are level-based: what the record remembers of the round before only saves work, and decides nothing.
"""

from __future__ import annotations

import logging

from .apply import Applier
from .changes import Applied
from .cluster import Cluster
from .errors import Delay, FormerChild, OperatorError, OperatorFault
from .metrics import Metrics
from .model_round import ModelRounds, Plan
from .observe import Observer
from .report import Reporter, named
from .resource import Reranker
from .server_version import ServerVersion
from .spec_limits import AllowedNames
from .tracked import Tracked
from .worklist import Gone, Outcome, Requeue, Retry

LOG = logging.getLogger(__name__)

WAITING_PAUSE_S = 2.0
"""Between looks for a free slot; they cost no request."""

LOOKS_UNTIL_STALLED = 5
"""Looks at a change's progress until it may be held for stalled."""

FORMER_CHILD_PAUSE_S = 1.0
"""Between looks whether the garbage collector is done."""

HELD_CHILD_PAUSE_S = 15.0
"""The same where a finalizer of somebody else holds it; the watch tells of its end."""

_REPORT_IT = "It is tried again; report what the operator's log says of it as internal_error."


class Reconciler:
    """Makes Rerankers true.

    Args:
        cluster: Asked whether a Reranker that is being deleted is still there.
        models: Decides about versions of the model, and renders.
        applier: Gets objects into the cluster.
        observer: Finds out how a Reranker is.
        reporter: Says so.
        metrics: Counts rounds.
        resync_s: Pause when all is well.
        allowed: What Rerankers may name.
        server: What the cluster can do.
    """

    def __init__(
        self,
        cluster: Cluster,
        models: ModelRounds,
        applier: Applier,
        observer: Observer,
        reporter: Reporter,
        metrics: Metrics,
        resync_s: float,
        allowed: AllowedNames,
        server: ServerVersion,
    ) -> None:
        self._cluster = cluster
        self._models = models
        self._applier = applier
        self._observer = observer
        self._reporter = reporter
        self._metrics = metrics
        self._resync_s = resync_s
        self._allowed = allowed
        self._server = server

    async def reconcile(self, tracked: Tracked) -> Outcome:
        """Do one round."""
        # The watch may replace it in the record while the round is at it.
        reranker = tracked.reranker
        if reranker.is_being_deleted:
            self._applier.stand_down(tracked)
            return await self._until_gone(reranker)
        plan = Plan([])
        done = Applied()
        error: OperatorError | None = None
        try:
            if reranker.is_suspended:
                self._applier.stand_down(tracked)
            else:
                self._allowed.check(reranker.spec)
                self._server.check(reranker.spec)
                plan = await self._models.plan(reranker, tracked.answers)
                if plan.pinned is not None:
                    # It is none of the spec's, and what may be named has to hold for it, too.
                    self._allowed.check({"model": plan.pinned.model})
                done = await self._applier.apply(tracked, reranker, plan)
                self._tell(plan, done)
        except OperatorError as problem:
            error = problem
        except Exception as bug:
            LOG.exception("internal_error", extra=named(reranker))
            error = OperatorFault(f"The operator met a {type(bug).__name__} that it did not expect.", remedy=_REPORT_IT)
        return await self._end(tracked, reranker, plan, done, error)

    def _tell(self, plan: Plan, done: Applied) -> None:
        """What came of a model's change, once it is written down."""
        if plan.decision is None:
            return
        done.events += [*plan.decision.events, *(ending.event() for ending in plan.decision.endings)]
        for ending in plan.decision.endings:
            self._metrics.model_changes.labels(ending.code).inc()

    async def _end(
        self,
        tracked: Tracked,
        reranker: Reranker,
        plan: Plan,
        done: Applied,
        error: OperatorError | None,
    ) -> Outcome:
        """Say what came of the round, and when the next one is due."""
        if error is not None:
            self._applier.withdraw(tracked)
            self._metrics.errors.labels(error.code).inc()
        self._reporter.log(tracked, reranker, error)
        situation = self._observer.situation(tracked, reranker, plan, done, error)
        outcome = self._outcome(tracked, plan, error, done)
        try:
            if not await self._reporter.report(tracked, reranker, situation, done.events):
                # No watch told of its end: a list that is made anew tells only of what there is.
                outcome = Gone()
        except OperatorError as problem:
            self._metrics.errors.labels("StatusNotWritten").inc()
            LOG.warning("status_not_written", extra={**named(reranker), "error": problem.sentence()})
            outcome = Retry()
        self._metrics.reconciles.labels("error" if error else "waiting" if done.no_slot else "done").inc()
        return outcome

    async def _until_gone(self, reranker: Reranker) -> Outcome:
        """While a Reranker is being deleted, nothing is written of it that would tell of its end."""
        try:
            return Requeue(self._resync_s) if await self._cluster.is_there(reranker) else Gone()
        except OperatorError as problem:
            self._metrics.errors.labels(problem.code).inc()
            LOG.warning("end_not_seen", extra={**named(reranker), "error": problem.sentence()})
            return Retry()

    def _outcome(self, tracked: Tracked, plan: Plan, error: OperatorError | None, done: Applied) -> Outcome:
        if isinstance(error, FormerChild):
            return Requeue(HELD_CHILD_PAUSE_S if error.needs_person else FORMER_CHILD_PAUSE_S)
        if isinstance(error, Delay):
            return Retry() if error.retry_after_s is None else Requeue(error.retry_after_s)
        if done.no_slot is not None:
            return Requeue(WAITING_PAUSE_S)
        if plan.decision is not None and plan.decision.look_again_s is not None:
            return Requeue(min(self._resync_s, plan.decision.look_again_s))
        # A download moves no watch, and is seen when it is looked at.
        stall_s = self._applier.stall_s / LOOKS_UNTIL_STALLED
        return Requeue(min(self._resync_s, stall_s) if self._applier.is_changing(tracked) else self._resync_s)
