"""Requests that are admitted and not submitted yet, and the forecast by which the next one is admitted or refused."""

from __future__ import annotations

import random
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from ..errors import DeadlineExceeded, QueueFull
from .admission import LATE_REMEDY, MARGIN, Admission, AdmissionRequest, LaterLoad, Load, is_trial
from .demand import Demand
from .estimates import Estimates
from .lanes import Lane, Lanes
from .origin import ANYBODY, Origin
from .plan import Plan
from .room import KeptRoom
from .throughput import Throughput


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """What the batches are doing at one moment, as far as a forecast needs it."""

    prepared: Plan | None

    left_of_running_s: float
    """Seconds until the running batch is expected to end."""

    backlog_tokens: int
    """Tokens reserved, waiting, prepared and running."""

    limit_tokens: int
    """Tokens of a full batch."""

    throughput: Throughput

    measured_ago_s: float
    """Seconds since the throughput was measured last."""

    ended_at: float
    """When the last batch ended."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request as it asks for capacity."""

    tokens: int
    """Estimated before tokenising."""

    deadline: float

    fingerprint: Hashable = None
    """By which it is recognised when it retries."""

    origin: Origin = ANYBODY
    """For whom it is."""

    is_partial: bool = False
    """Whether its caller takes what can be scored in time, without the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """Capacity that was given to a request."""

    tokens: int
    """What is reserved, of as many tokens as were estimated."""

    lane: Lane
    """Where the request waits."""

    is_trial: bool = False
    """Whether it is expected to be too large for its deadline even alone."""

    part: float = 1.0
    """Part of the request that is to be scored; below 1 only where its caller takes parts."""


class Reservations:
    """Admits requests before they are tokenised, and keeps their capacity until they are submitted.

    Args:
        demand: Where what is reserved is added up by deadline, beside what waits.
        lanes: Of everybody.
        max_queue_tokens: Most tokens that the backlog may have.
        source: Of the jitter in Retry-After.
    """

    def __init__(self, demand: Demand, lanes: Lanes, max_queue_tokens: int, source: random.Random) -> None:
        self._demand = demand
        self._lanes = lanes
        self._max_queue_tokens = max_queue_tokens
        self._admission = Admission(source)
        self._estimates = Estimates()
        self._room = KeptRoom()
        self.tokens = 0

    @property
    def expected_tokens(self) -> float:
        """Tokens that the reserved ones are expected to turn out to be."""
        return self.tokens * self._estimates.usual

    def take(self, asked: Asked, now: float, batches: Batches) -> Grant:
        """Reserve capacity for a request that would end in time, or for a part of it where its caller takes parts.

        Args:
            asked: The request.
            now: Time.
            batches: What they are doing now.

        Raises:
            QueueFull: If what waits leaves no room or not enough time.
            DeadlineExceeded: If the deadline has passed already, or is too near even for the request alone.
        """
        if asked.deadline <= now:
            raise DeadlineExceeded("The deadline passed before the request could be queued.", remedy=LATE_REMEDY)
        load = self._load(asked.deadline, now, batches)
        if not load.backlog_tokens:
            self._room.note_idle(batches.ended_at, load.tokens_per_second, now)
        lane = self._lanes.of(asked.origin, now)
        request = AdmissionRequest(
            asked.tokens,
            asked.tokens * self._estimates.usual,
            asked.deadline - now,
            asked.fingerprint,
            asked.origin.priority,
            self._room.part(now) * self._lanes.room(lane, now, load.tokens_per_second),
        )
        lane.asked.add(request.expected_tokens, now)
        if asked.is_partial and (part := self._admission.part(request, load, now)):
            return self._grant(Grant(max(1, round(part * asked.tokens)), lane, part=part), asked.deadline)
        on_trial = is_trial(asked.tokens * self._estimates.least, asked.deadline - now, load)
        if not on_trial:
            self._check(request, load, now)
        return self._grant(Grant(asked.tokens, lane, on_trial), asked.deadline)

    def _check(self, request: AdmissionRequest, load: Load, now: float) -> None:
        try:
            self._admission.check(request, load, now)
        except QueueFull:
            if request.room:
                self._room.note_refused(request.expected_tokens, now)
            raise

    def first_hurried(self, batches: Batches, largest_tokens: int, now: float) -> float:
        """The earliest deadline that would be missed if a batch of others came first; infinity where none would.

        Whoever has an earlier deadline may wait. From this one on, tickets go by deadline.

        Args:
            batches: What they are doing now.
            largest_tokens: Tokens of the largest pair that may come next: alone it exceeds the limit of a batch.
            now: Time.
        """
        begins_at = now + batches.left_of_running_s + batches.throughput.doubt_s
        prepared = batches.prepared
        prepared_tokens = 0 if prepared is None else prepared.tokens
        batch_tokens = (1 + MARGIN) * max(batches.limit_tokens, largest_tokens, prepared_tokens)
        return self._demand.first_hurried(
            lambda tokens: begins_at + (tokens + batch_tokens) / batches.throughput.tokens_per_second,
            self._estimates.usual,
            [] if prepared is None else [(slice_.ticket.deadline, slice_.tokens) for slice_ in prepared.slices],
        )

    def check_hope(self, tokens: int, reserved_tokens: int, deadline: float, now: float, batches: Batches) -> bool:
        """Refuse an admitted request once more of it is known.

        Args:
            tokens: That it has at least.
            reserved_tokens: That are reserved for it.
            deadline: Of the request.
            now: Time.
            batches: What they are doing now.

        Returns:
            True for a trial, as `take` does.

        Raises:
            DeadlineExceeded: If the deadline is too near even for the request alone.
        """
        return is_trial(tokens, deadline - now, self._load(deadline, now, batches, reserved_tokens))

    def release(self, tokens: int, deadline: float) -> None:
        """Give up a reservation."""
        self._add(-tokens, deadline)

    def redeem(self, tokens: int, deadline: float, true_tokens: int) -> None:
        """End a reservation whose request is submitted, and learn from what it turned out to have."""
        self._add(-tokens, deadline)
        self._estimates.note(tokens, true_tokens)

    def _grant(self, grant: Grant, deadline: float) -> Grant:
        self._add(grant.tokens, deadline)
        return grant

    def _add(self, tokens: int, deadline: float) -> None:
        self.tokens += tokens
        self._demand.add(deadline, reserved_tokens=tokens)

    def _load(self, deadline: float, now: float, batches: Batches, own_tokens: int = 0) -> Load:
        before_s = self._served_before_s(deadline, batches)
        throughput = batches.throughput
        return Load(
            before_s=before_s,
            later=self._served_later(deadline, before_s, now, batches),
            backlog_tokens=batches.backlog_tokens - own_tokens,
            max_queue_tokens=self._max_queue_tokens,
            tokens_per_second=throughput.tokens_per_second,
            batch_s=throughput.expected_s(batches.limit_tokens),
            doubt_s=throughput.doubt_s,
            measured_ago_s=batches.measured_ago_s,
        )

    def _served_before_s(self, deadline: float, batches: Batches) -> float:
        """Seconds until all that is served before a request that comes now is expected to have ended."""
        prepared_tokens = batches.prepared.tokens_until(deadline) if batches.prepared is not None else 0
        tokens = prepared_tokens + self._demand.until(deadline, self._estimates.usual)
        return batches.left_of_running_s + tokens / batches.throughput.tokens_per_second

    def _served_later(self, deadline: float, before_s: float, now: float, batches: Batches) -> LaterLoad:
        """What is served after a request that comes now, and when that would end without it."""
        deadlines, tokens = self._demand.after(deadline, self._estimates.usual)
        if batches.prepared is not None and batches.prepared.latest_deadline > deadline:
            slices = [slice_ for slice_ in batches.prepared.slices if slice_.ticket.deadline > deadline]
            deadlines = np.concatenate(([slice_.ticket.deadline for slice_ in slices], deadlines))
            tokens = np.concatenate(([slice_.tokens for slice_ in slices], tokens))
            order = deadlines.argsort(kind="stable")
            deadlines, tokens = deadlines[order], tokens[order]
        return LaterLoad(deadlines - now, before_s + tokens.cumsum() / batches.throughput.tokens_per_second)
