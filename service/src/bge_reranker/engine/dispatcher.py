"""The state of the engine and every step it can take, as one object without threads: time is an argument.

Its caller holds a lock around each method, or has one thread, as the tests of its properties do.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import Draining, PairTooLarge, RerankerError
from ..settings import EngineSettings
from .batch import Batch
from .budget import TokenBudget
from .demand import Demand
from .draft import Draft
from .endings import Endings, left_out
from .lanes import Lanes
from .lifecycle import Lifecycle
from .origin import PriorityClass
from .plan import Plan
from .prepared import PreparedBatch
from .reservations import Asked, Batches, Grant, Reservations
from .running import RunningBatches
from .settlement import Settlement
from .throughput import Throughput
from .ticket import Ticket
from .token_queue import TokenBudgetQueue

_FLOOR = 0.25
"""Part of the batch that calibration found to fit `max_batch_ms` below which batches never shrink. Small batches are
bound by launching; without a floor a slow spell shrinks them, which worsens the measured rate, which shrinks them."""

_LEVEL = 1 / 2
"""Part of a full batch up to which a caller does not count as served lately."""


class Dispatcher:
    """Decides who is admitted, what is scored next and how each ticket ends.

    A pair waits in the queue, then belongs to the prepared batch, then to a running one: one that is computed, or one
    behind it that a device has already.

    Args:
        settings: Limits of queue and batches.
        source: Of the jitter in Retry-After; any by default.
    """

    def __init__(self, settings: EngineSettings, source: random.Random | None = None) -> None:
        self._settings = settings
        demand = Demand()
        self._lanes = Lanes()
        self._queue = TokenBudgetQueue(demand, self._lanes)
        self._reservations = Reservations(
            demand,
            self._lanes,
            settings.max_queue_tokens,
            source or random.Random(),  # noqa: S311 - jitter is no secret
        )
        self._prepared = PreparedBatch(self._queue)
        self._running = RunningBatches()
        self._settlement = Settlement()
        self._endings = Endings(self._queue, self._prepared, self._settlement)
        self.lifecycle = Lifecycle()
        self.budget = TokenBudget(settings.max_batch_tokens)
        self.throughput = Throughput()
        self._floor_tokens = 1
        self._measured_at: float | None = None
        """When the throughput was measured last; None until somebody asks after calibration."""
        self._ended_at = float("-inf")
        """When the last batch ended."""

    @property
    def backlog_tokens(self) -> int:
        """Tokens reserved, waiting, prepared and running."""
        return self._reservations.tokens + self._queue.waiting_tokens + self._prepared.tokens + self._running.tokens

    @property
    def waiting_by_class(self) -> Mapping[PriorityClass, int]:
        """Tokens that wait for a batch, by class of priority."""
        return self._queue.waiting_by_class

    @property
    def waiting_pairs(self) -> int:
        """Pairs that wait for a batch, the prepared one included."""
        plan = self._prepared.plan
        prepared = plan.slices if plan is not None else ()
        return self._queue.waiting_pairs + sum(len(slice_.pairs) for slice_ in prepared)

    def backlog_s(self, now: float) -> float:
        """Seconds until the backlog is expected to be done; 0 before calibration, and once nothing is scored any more.

        What runs counts with what is left of it, and what is reserved with the tokens that it usually turns out to be.
        """
        if self.lifecycle.is_over:
            return 0.0
        tokens = self._reservations.expected_tokens + self._queue.waiting_tokens + self._prepared.tokens
        return self._running.left_s(now, self.throughput) + self.throughput.expected_s(tokens)

    @property
    def has_ended_tickets(self) -> bool:
        """Whether somebody must deliver outcomes."""
        return self._settlement.has_ended

    @property
    def has_live_tickets(self) -> bool:
        """Whether a submission still waits for its end."""
        return self._endings.next_deadline is not None

    @property
    def next_deadline(self) -> float | None:
        """When the next ticket expires."""
        return self._endings.next_deadline

    def can_begin(self) -> bool:
        """Whether a batch could start now."""
        return not self._running and (self._prepared.plan is not None or self._queue.waiting_tokens > 0)

    def can_prepare(self) -> bool:
        """Whether, while a batch runs, the next one can be taken, filled up or packed."""
        return bool(self._running) and self._prepared.can_change()

    def is_making_progress(self, now: float) -> bool:
        """Liveness: nothing has died, and no batch runs far longer than expected."""
        if self.lifecycle.failure is not None:
            return False
        return self._running.is_making_progress(now, self.throughput)

    def serve(self, budget: TokenBudget, throughput: Throughput) -> None:
        """Take up service after warm-up."""
        self.budget = budget
        self.throughput = throughput
        self._floor_tokens = throughput.tokens_within(_FLOOR * self._settings.max_batch_ms / 1000)
        self.lifecycle.serve()

    def reserve(self, asked: Asked, now: float) -> Grant:
        """Reserve capacity for a request that would end in time, or for a part of it where its caller takes parts.

        Raises:
            QueueFull: If what waits leaves no room or not enough time.
            DeadlineExceeded: If the deadline has passed already, or is too near even for the request alone.
            NotReady: If warm-up is not over.
            Draining: If the engine is going down.
            WorkerDied: If the engine is dead.
        """
        self.lifecycle.check_reserve()
        return self._reservations.take(asked, now, self._batches(now))

    def check_hope(self, tokens: int, reserved_tokens: int, deadline: float, now: float) -> bool:
        """Refuse an admitted request once more of it is known.

        Args:
            tokens: That it has at least.
            reserved_tokens: That are reserved for it.
            deadline: Of the request.
            now: Time.

        Returns:
            True for a trial, as `reserve` does.

        Raises:
            DeadlineExceeded: If the deadline is too near even for the request alone.
        """
        return self._reservations.check_hope(tokens, reserved_tokens, deadline, now, self._batches(now))

    def release(self, tokens: int, deadline: float) -> None:
        """Give up a reservation."""
        self._reservations.release(tokens, deadline)

    def submit(self, ticket: Ticket, grant: Grant) -> None:
        """Turn a reservation into a ticket.

        Raises:
            Draining: If the engine is closed.
            WorkerDied: If the engine is dead.
        """
        self.lifecycle.check_submit()
        if grant.part < 1:
            ticket.trim(max(grant.part * ticket.total_tokens, ticket.next_pair_tokens), left_out())
        self._reservations.redeem(grant.tokens, ticket.deadline, ticket.total_tokens)
        self._queue.add(ticket)
        self._endings.watch(ticket)
        self._reorder(ticket.submitted_at)

    def abandon(self, ticket: Ticket, now: float) -> None:
        """End a ticket whose caller has gone; nothing happens when it has ended already."""
        self._endings.abandon(ticket, now)

    def sweep(self, now: float) -> None:
        """End the tickets whose deadline has come, wherever their pairs are."""
        self._endings.sweep(now)

    def prepare(self, now: float) -> Plan | None:
        """Take or fill up the next batch while one runs, and return it when it needs packing."""
        if not self.can_prepare():
            return None
        self._fill_prepared(now)
        plan = self._prepared.plan
        return plan if plan is not None and plan.batch is None else None

    def attach(self, plan: Plan, batch: Batch) -> None:
        """Keep the packed batch of a prepared plan, unless the plan has changed or begun since."""
        self._prepared.attach(plan, batch)

    def begin(self, now: float) -> Plan | None:
        """Start the next batch, without pairs whose caller has gone or that can no longer be done in time."""
        if self._running:
            raise RuntimeError("a batch begins while one runs; this is a bug")
        self._settle_prepared(now)
        return self._start_prepared(now)

    def begin_ahead(self, now: float) -> Plan | None:
        """Give the device the next batch while one runs, unless so little waits that more had better join first."""
        if not self._running:
            raise RuntimeError("a batch is launched ahead while none runs; this is a bug")
        self._settle_prepared(now)
        return self._start_prepared(now) if self._prepared.is_worth_launching(self._limit_tokens()) else None

    def finish(self, logits: NDArray[np.float32], compute_s: float) -> bool:
        """End the oldest running batch with its logits.

        Args:
            logits: float32 (N,): one per pair of the running batch.
            compute_s: Seconds that the scorer took.

        Returns:
            True when the memory budget has regained a step.
        """
        self._ended_at = self._running.began + compute_s
        plan = self._end_oldest(logits, compute_s, {})
        expected_s = self.throughput.expected_s(plan.tokens)
        if plan.slices[0].ticket.is_trial and compute_s < expected_s:
            self.throughput.restart(plan.tokens, compute_s)
        if self.throughput.record(plan.tokens, compute_s, self._limit_tokens()):
            self._measured_at = self._ended_at
        return self.budget.pass_batch(plan.tokens)

    def begin_part(self, now: float) -> Sequence[bool]:
        """Note that a part of the oldest running batch is to be scored; True for each pair that is still wanted."""
        plan = self._running.oldest
        self._running.begin_part(now)
        self.sweep(now)
        return [not slice_.ticket.has_ended for slice_ in plan.slices for _ in slice_.pairs]

    def finish_in_parts(
        self, logits: NDArray[np.float32], errors: Mapping[int, RerankerError], compute_s: float
    ) -> None:
        """End the oldest running batch, which failed as a whole; what it took says nothing about the throughput.

        Args:
            logits: float32 (N,): one per pair of the running batch, without meaning where there is an error.
            errors: The pairs to blame, by index in the batch.
            compute_s: Seconds that the scorer took in all.
        """
        self._end_oldest(logits, compute_s, errors)
        # Prepared beforehand, the next batch may mix tickets that are to be kept apart from now on.
        self._prepared.give_back()

    def run_out_of_memory(self, compute_s: float) -> bool:
        """Halve the budget and let the running batches wait again; where the oldest is a single pair, give that up.

        Pairs of a ticket end in order, so what is behind the one that failed is computed again as well.

        Args:
            compute_s: Seconds until it was known.

        Returns:
            True when the budget has changed.
        """
        plan = self._running.oldest
        before_tokens = self.budget.tokens
        self.budget.run_out(plan.tokens)
        # The prepared batch may exceed the new budget.
        self._prepared.give_back()
        if len(plan.pairs) == 1:
            message = f"The device has no memory for this pair of {plan.tokens} tokens, even alone."
            self._settlement.fail(self._running.pop(compute_s), PairTooLarge(message))
        else:
            for each in reversed(self._running.pop_all()):
                self._queue.give_back(each.slices)
        return self.budget.tokens != before_tokens

    def close(self, now: float) -> None:
        """End everything that is left with `Draining`."""
        self.lifecycle.close()
        self._endings.end_all(lambda: Draining("The server is shutting down."), now)

    def fail(self, failure: RerankerError, now: float) -> None:
        """End everything that is left with `WorkerDied`, for good."""
        self.lifecycle.fail(failure)
        self._endings.end_all(self.lifecycle.death, now)

    def pop_ended(self) -> list[Ticket]:
        """Hand over the tickets that ended since the last call, each exactly once."""
        return self._settlement.pop_ended()

    def _limit_tokens(self) -> int:
        for_time_tokens = self.throughput.tokens_within(self._settings.max_batch_ms / 1000)
        return min(self.budget.tokens, max(for_time_tokens, self._floor_tokens))

    def _batches(self, now: float) -> Batches:
        if self._measured_at is None:
            self._measured_at = now
        return Batches(
            prepared=self._prepared.plan,
            left_of_running_s=self._running.left_s(now, self.throughput),
            backlog_tokens=self.backlog_tokens,
            limit_tokens=self._limit_tokens(),
            throughput=self.throughput,
            measured_ago_s=now - self._measured_at,
            ended_at=min(self._ended_at, now),
        )

    def _reorder(self, now: float) -> None:
        """Settle who comes first, by what everybody was served and by who can still wait for a batch of others."""
        hurried_until = float("inf")
        if self._lanes.are_several:
            hurried_until = self._reservations.first_hurried(self._batches(now), self._queue.largest_next_tokens(), now)
        self._queue.reorder(now, _LEVEL * self._limit_tokens(), hurried_until)

    def _settle_prepared(self, now: float) -> None:
        """Bring the prepared batch up to date, so that it could start."""
        self.sweep(now)
        self._drop_hopeless_prepared(now)
        self._reorder(now)
        if not self._prepared.is_settled:
            self._fill_prepared(now)

    def _start_prepared(self, now: float) -> Plan | None:
        plan = self._prepared.pop()
        if plan is not None:
            self._running.add(plan, now)
            for slice_ in plan.slices:
                slice_.ticket.lane.served.add(slice_.tokens, now)
        self._reorder(now)
        return plan

    def _fill_prepared(self, now: float) -> None:
        """Let the next waiting pairs join the prepared batch, or found it; end what cannot be done in time."""
        self._reorder(now)
        if self._prepared.is_overtaken:
            self._prepared.give_back()
        starts_at = now + self._running.left_s(now, self.throughput)
        draft = Draft(self._prepared.plan, self._limit_tokens(), starts_at, self.throughput)
        while (ticket := self._queue.first()) is not None:
            if self._end_if_hopeless(ticket, draft.ends_at(ticket), now) or ticket.is_taken:
                continue
            slice_ = self._queue.take(draft.room_tokens(ticket), begins=draft.is_empty)
            if slice_ is None:
                break
            draft.add(slice_)
        self._prepared.plan = draft.plan()

    def _drop_hopeless_prepared(self, now: float) -> None:
        """End the tickets of the prepared batch that can no longer be done in time, now that it is to start."""
        ends_at = now + self._running.left_s(now, self.throughput)
        plan = self._prepared.plan
        for slice_ in plan.slices if plan is not None else ():
            ticket, slice_s = slice_.ticket, self.throughput.expected_s(slice_.tokens)
            waiting_s = self.throughput.expected_s(ticket.waiting_tokens)
            if not self._end_if_hopeless(ticket, ends_at + slice_s + waiting_s, now):
                ends_at += slice_s

    def _end_if_hopeless(self, ticket: Ticket, ends_at: float, now: float) -> bool:
        return self._endings.end_if_hopeless(ticket, ends_at, now, self.throughput)

    def _end_oldest(self, logits: NDArray[np.float32], compute_s: float, errors: Mapping[int, RerankerError]) -> Plan:
        began = self._running.began
        plan = self._running.pop(compute_s)
        self._settlement.score(plan, logits, began, compute_s, errors)
        return plan
