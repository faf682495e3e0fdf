"""The state of the engine and every step it can take, as one object without threads: time is an argument.

Its caller holds a lock around each method, or has one thread, as the tests of its properties do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import CallerGone, DeadlineExceeded, Draining, PairTooLarge, RerankerError
from ..settings import EngineSettings
from .admission import LATE_REMEDY, shown
from .batch import Batch
from .budget import TokenBudget
from .deadlines import DeadlineIndex
from .demand import Demand
from .draft import Draft
from .lanes import Lanes
from .lifecycle import Lifecycle
from .origin import PriorityClass
from .plan import Plan
from .reservations import Asked, Batches, Grant, Reservations
from .throughput import Throughput
from .ticket import Ticket
from .token_queue import TokenBudgetQueue
from .trail import BatchShare

_MIN_STALL_S = 60.0
"""Seconds for which any batch may run before the worker counts as stuck."""

_FLOOR = 0.25
"""Part of the batch that calibration found to fit `max_batch_ms` below which batches never shrink. Small batches are
bound by launching; without a floor a slow spell shrinks them, which worsens the measured rate, which shrinks them."""

_LEVEL = 1 / 2
"""Part of a full batch up to which a caller does not count as served lately."""

_STALL_FACTOR = 10.0
"""Times its expected duration for which a batch may run before the worker counts as stuck."""


class Dispatcher:
    """Decides who is admitted, what is scored next and how each ticket ends.

    A pair waits in the queue, then belongs to the prepared batch, then to the running one; at most one of each exists.

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
        self._deadlines = DeadlineIndex()
        self._prepared: Plan | None = None
        self._prepared_may_hold_ended = False
        self._running: Plan | None = None
        self._running_since = 0.0
        """When it began, or a part of it where it is scored in parts."""
        self._running_began = 0.0
        self._ended: list[Ticket] = []
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
        self._refresh_prepared()
        in_batches_tokens = sum(plan.tokens for plan in (self._prepared, self._running) if plan is not None)
        return self._reservations.tokens + self._queue.waiting_tokens + in_batches_tokens

    @property
    def waiting_by_class(self) -> Mapping[PriorityClass, int]:
        """Tokens that wait for a batch, by class of priority."""
        return self._queue.waiting_by_class

    @property
    def waiting_pairs(self) -> int:
        """Pairs that wait for a batch, the prepared one included."""
        self._refresh_prepared()
        prepared = self._prepared.slices if self._prepared is not None else ()
        return self._queue.waiting_pairs + sum(len(slice_.pairs) for slice_ in prepared)

    def backlog_s(self, now: float) -> float:
        """Seconds until the backlog is expected to be done; 0 before calibration, and once nothing is scored any more.

        What runs counts with what is left of it, and what is reserved with the tokens that it usually turns out to be.
        """
        if self.lifecycle.is_over:
            return 0.0
        self._refresh_prepared()
        prepared_tokens = self._prepared.tokens if self._prepared is not None else 0
        tokens = self._reservations.expected_tokens + self._queue.waiting_tokens + prepared_tokens
        return self._left_of_running_s(now) + self.throughput.expected_s(tokens)

    @property
    def has_ended_tickets(self) -> bool:
        """Whether somebody must deliver outcomes."""
        return bool(self._ended)

    @property
    def has_live_tickets(self) -> bool:
        """Whether a submission still waits for its end."""
        return self._deadlines.next_deadline() is not None

    @property
    def next_deadline(self) -> float | None:
        """When the next ticket expires."""
        return self._deadlines.next_deadline()

    def can_begin(self) -> bool:
        """Whether a batch could start now."""
        self._refresh_prepared()
        return self._running is None and (self._prepared is not None or self._queue.waiting_tokens > 0)

    def can_prepare(self) -> bool:
        """Whether, while a batch runs, the next one can be taken, filled up or packed."""
        self._refresh_prepared()
        if self._running is None:
            return False
        if self._prepared is None:
            return self._queue.waiting_tokens > 0
        if self._prepared.batch is None or self._is_prepared_overtaken():
            return True
        return self._queue.has_next_within(self._prepared.room_tokens)

    def is_making_progress(self, now: float) -> bool:
        """Liveness: nothing has died, and no batch runs far longer than expected."""
        if self.lifecycle.failure is not None:
            return False
        if self._running is None:
            return True
        allowed_s = max(_MIN_STALL_S, _STALL_FACTOR * self.throughput.expected_s(self._running.tokens))
        return now - self._running_since < allowed_s

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
            ticket.trim(max(grant.part * ticket.total_tokens, ticket.next_pair_tokens), _left_out())
        self._reservations.redeem(grant.tokens, ticket.deadline, ticket.total_tokens)
        self._queue.add(ticket)
        self._deadlines.add(ticket)
        self._reorder(ticket.submitted_at)

    def abandon(self, ticket: Ticket, now: float) -> None:
        """End a ticket whose caller has gone; nothing happens when it has ended already."""
        if not ticket.has_ended:
            self._end_rest(ticket, CallerGone("The caller closed the connection."), now)

    def sweep(self, now: float) -> None:
        """End the tickets whose deadline has come, wherever their pairs are."""
        for ticket in self._deadlines.pop_expired(now):
            self._end_rest(
                ticket,
                DeadlineExceeded(
                    "The deadline passed before every pair was scored.",
                    remedy=LATE_REMEDY,
                ),
                now,
            )

    def prepare(self, now: float) -> Plan | None:
        """Take or fill up the next batch while one runs, and return it when it needs packing."""
        if not self.can_prepare():
            return None
        self._fill_prepared(now)
        return self._prepared if self._prepared is not None and self._prepared.batch is None else None

    def attach(self, plan: Plan, batch: Batch) -> None:
        """Keep the packed batch of a prepared plan, unless the plan has changed or begun since."""
        if self._prepared is plan:
            self._prepared = replace(plan, batch=batch)

    def begin(self, now: float) -> Plan | None:
        """Start the next batch, without pairs whose caller has gone or that can no longer be done in time."""
        if self._running is not None:
            raise RuntimeError("a batch begins while one runs; this is a bug")
        self.sweep(now)
        self._refresh_prepared()
        self._drop_hopeless_prepared(now)
        self._reorder(now)
        if self._prepared is None or self._prepared.batch is None or self._is_prepared_overtaken():
            self._fill_prepared(now)
        plan, self._prepared = self._prepared, None
        self._running, self._running_since, self._running_began = plan, now, now
        for slice_ in plan.slices if plan is not None else ():
            slice_.ticket.begin(slice_, now)
            slice_.ticket.lane.served.add(slice_.tokens, now)
        self._reorder(now)
        return plan

    def finish(self, logits: NDArray[np.float32], compute_s: float) -> bool:
        """End the running batch with its logits.

        Args:
            logits: float32 (N,): one per pair of the running batch.
            compute_s: Seconds that the scorer took.

        Returns:
            True when the memory budget has regained a step.
        """
        plan = self._pop_running()
        self._ended_at = self._running_since + compute_s
        self._settle(plan, logits, compute_s, {})
        expected_s = self.throughput.expected_s(plan.tokens)
        if plan.slices[0].ticket.is_trial and compute_s < expected_s:
            self.throughput.restart(plan.tokens, compute_s)
        if self.throughput.record(plan.tokens, compute_s, self._limit_tokens()):
            self._measured_at = self._running_since + compute_s
        return self.budget.pass_batch(plan.tokens)

    def begin_part(self, now: float) -> Sequence[bool]:
        """Note that a part of the running batch is about to be scored; True for each pair that is still wanted."""
        if self._running is None:
            raise RuntimeError("a part of a batch begins while none runs; this is a bug")
        self._running_since = now
        self.sweep(now)
        return [not slice_.ticket.has_ended for slice_ in self._running.slices for _ in slice_.pairs]

    def finish_in_parts(
        self, logits: NDArray[np.float32], errors: Mapping[int, RerankerError], compute_s: float
    ) -> None:
        """End a running batch that failed as a whole; what it took says nothing about the throughput.

        Args:
            logits: float32 (N,): one per pair of the running batch, without meaning where there is an error.
            errors: The pairs to blame, by index in the batch.
            compute_s: Seconds that the scorer took in all.
        """
        self._settle(self._pop_running(), logits, compute_s, errors)
        # Prepared beforehand, the next batch may mix tickets that are to be kept apart from now on.
        self._give_back_prepared()

    def run_out_of_memory(self) -> bool:
        """Halve the budget and let the running batch wait again; a single pair is given up.

        Returns:
            True when the budget has changed.
        """
        plan = self._pop_running()
        before_tokens = self.budget.tokens
        self.budget.run_out(plan.tokens)
        # The prepared batch may exceed the new budget.
        self._give_back_prepared()
        if len(plan.pairs) == 1:
            message = f"The device has no memory for this pair of {plan.tokens} tokens, even alone."
            self._fail_slices(plan, PairTooLarge(message))
        else:
            self._queue.give_back(plan.slices)
        return self.budget.tokens != before_tokens

    def close(self, now: float) -> None:
        """End everything that is left with `Draining`."""
        self.lifecycle.close()
        self._end_all(lambda: Draining("The server is shutting down."), now)

    def fail(self, failure: RerankerError, now: float) -> None:
        """End everything that is left with `WorkerDied`, for good."""
        self.lifecycle.fail(failure)
        self._end_all(self.lifecycle.death, now)

    def pop_ended(self) -> list[Ticket]:
        """Hand over the tickets that ended since the last call, each exactly once."""
        ended, self._ended = self._ended, []
        return ended

    def _limit_tokens(self) -> int:
        for_time_tokens = self.throughput.tokens_within(self._settings.max_batch_ms / 1000)
        return min(self.budget.tokens, max(for_time_tokens, self._floor_tokens))

    def _batches(self, now: float) -> Batches:
        if self._measured_at is None:
            self._measured_at = now
        return Batches(
            prepared=self._prepared,
            left_of_running_s=self._left_of_running_s(now),
            backlog_tokens=self.backlog_tokens,
            limit_tokens=self._limit_tokens(),
            throughput=self.throughput,
            measured_ago_s=now - self._measured_at,
            ended_at=self._ended_at,
        )

    def _is_prepared_overtaken(self) -> bool:
        """Whether a ticket waits that comes before one in the prepared batch."""
        return self._prepared is not None and self._queue.overtakes(self._prepared)

    def _reorder(self, now: float) -> None:
        """Settle who comes first, by what everybody was served and by who can still wait for a batch of others."""
        hurried_until = float("inf")
        if self._lanes.are_several:
            hurried_until = self._reservations.first_hurried(self._batches(now), self._queue.largest_next_tokens(), now)
        self._queue.reorder(now, _LEVEL * self._limit_tokens(), hurried_until)

    def _left_of_running_s(self, now: float) -> float:
        if self._running is None:
            return 0.0
        return max(0.0, self._running_since + self.throughput.expected_s(self._running.tokens) - now)

    def _fill_prepared(self, now: float) -> None:
        """Let the next waiting pairs join the prepared batch, or found it; end what cannot be done in time."""
        self._reorder(now)
        if self._is_prepared_overtaken():
            self._give_back_prepared()
        starts_at = now + self._left_of_running_s(now)
        draft = Draft(self._prepared, self._limit_tokens(), starts_at, self.throughput)
        while (ticket := self._queue.first()) is not None:
            if self._end_if_hopeless(ticket, draft.ends_at(ticket), now) or ticket.is_taken:
                continue
            slice_ = self._queue.take(draft.room_tokens(ticket), begins=draft.is_empty)
            if slice_ is None:
                break
            draft.add(slice_)
        self._prepared = draft.plan()

    def _drop_hopeless_prepared(self, now: float) -> None:
        """End the tickets of the prepared batch that can no longer be done in time, now that it is to start."""
        ends_at = now
        for slice_ in self._prepared.slices if self._prepared is not None else ():
            ticket, slice_s = slice_.ticket, self.throughput.expected_s(slice_.tokens)
            waiting_s = self.throughput.expected_s(ticket.waiting_tokens)
            if not self._end_if_hopeless(ticket, ends_at + slice_s + waiting_s, now):
                ends_at += slice_s
        self._refresh_prepared()

    def _end_if_hopeless(self, ticket: Ticket, ends_at: float, now: float) -> bool:
        """End a ticket that would end too late, before more of it is computed; a trial is given its first batch.

        Of one whose caller takes parts only the last pairs are given up, as many as would come too late.
        """
        if ends_at <= ticket.deadline or (ticket.is_trial and not ticket.ended_pairs):
            return False
        if ticket.is_partial:
            ends_at -= self._leave_out(ticket, ends_at - ticket.deadline)
            if ticket.has_ended:
                self._ended.append(ticket)
                return True
            if ends_at <= ticket.deadline:
                return False
        message = (
            f"The last pair of this request would be scored in {shown(ends_at - now)}, "
            f"and its deadline is in {shown(ticket.deadline - now)}."
        )
        figures = {"expected_s": ends_at - now, "remaining_s": ticket.deadline - now}
        self._end_rest(ticket, DeadlineExceeded(message, remedy=LATE_REMEDY, figures=figures), now)
        return True

    def _leave_out(self, ticket: Ticket, late_s: float) -> float:
        """Give up waiting pairs of a ticket that would end so much too late; the seconds that they would have taken."""
        waiting_tokens, waiting_pairs = ticket.waiting_tokens, ticket.waiting_pairs
        late_tokens = (late_s + self.throughput.doubt_s) * self.throughput.tokens_per_second
        given_up_tokens = ticket.trim(waiting_tokens - late_tokens, _left_out())
        self._queue.forget_some(ticket, given_up_tokens, waiting_pairs - ticket.waiting_pairs)
        return self.throughput.expected_s(given_up_tokens)

    def _refresh_prepared(self) -> None:
        """Drop the pairs of ended tickets from the prepared batch, so that they count and cost nothing."""
        if self._prepared_may_hold_ended and self._prepared is not None:
            self._prepared = self._prepared.without_ended()
        self._prepared_may_hold_ended = False

    def _give_back_prepared(self) -> None:
        prepared, self._prepared = self._prepared, None
        self._queue.give_back(prepared.slices if prepared is not None else ())

    def _pop_running(self) -> Plan:
        if self._running is None:
            raise RuntimeError("a batch ends while none runs; this is a bug")
        plan, self._running = self._running, None
        return plan

    def _settle(
        self, plan: Plan, logits: NDArray[np.float32], compute_s: float, errors: Mapping[int, RerankerError]
    ) -> None:
        start, batch_pairs = 0, sum(len(slice_.pairs) for slice_ in plan.slices)
        for slice_ in plan.slices:
            stop = start + len(slice_.pairs)
            if not slice_.ticket.has_ended:
                share = BatchShare(self._running_began, compute_s, plan.tokens, batch_pairs, stop - start)
                slice_.ticket.note_batch(share)
                own = {index - start: error for index, error in errors.items() if start <= index < stop}
                slice_.ticket.settle(slice_, logits[start:stop], compute_s * slice_.tokens / plan.tokens, own)
                self._note_end(slice_.ticket)
            start = stop

    def _fail_slices(self, plan: Plan, error: RerankerError) -> None:
        for slice_ in plan.slices:
            if not slice_.ticket.has_ended:
                slice_.ticket.fail(slice_, error)
                self._note_end(slice_.ticket)

    def _note_end(self, ticket: Ticket) -> None:
        if ticket.has_ended:
            self._ended.append(ticket)

    def _end_rest(self, ticket: Ticket, error: RerankerError, now: float) -> None:
        self._queue.forget(ticket)
        self._prepared_may_hold_ended = True
        ticket.fail_rest(error, now)
        self._ended.append(ticket)

    def _end_all(self, error: Callable[[], RerankerError], now: float) -> None:
        for ticket in list(self._deadlines):
            self._end_rest(ticket, error(), now)


def _left_out() -> DeadlineExceeded:
    return DeadlineExceeded("Not scored: the deadline left no time for it.", remedy=LATE_REMEDY)
