"""Requests that are admitted and not submitted yet, and the forecast by which the next one is admitted or refused."""

from __future__ import annotations

import random
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from ..errors import DeadlineExceeded
from .admission import LATE_REMEDY, Admission, AdmissionRequest, LaterLoad, Load, is_trial
from .demand import Demand
from .estimates import Estimates
from .plan import Plan
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


class Reservations:
    """Admits requests before they are tokenised, and keeps their capacity until they are submitted.

    Args:
        demand: Where what is reserved is added up by deadline, beside what waits.
        max_queue_tokens: Most tokens that the backlog may have.
        source: Of the jitter in Retry-After.
    """

    def __init__(self, demand: Demand, max_queue_tokens: int, source: random.Random) -> None:
        self._demand = demand
        self._max_queue_tokens = max_queue_tokens
        self._admission = Admission(source)
        self._estimates = Estimates()
        self.tokens = 0

    def take(self, tokens: int, deadline: float, now: float, fingerprint: Hashable, batches: Batches) -> bool:
        """Reserve capacity for a request that would end in time.

        Args:
            tokens: Estimated before tokenising.
            deadline: Of the request.
            now: Time.
            fingerprint: By which the request is recognised when it retries.
            batches: What they are doing now.

        Returns:
            True for a trial: a request that is expected to be too large for its deadline even alone.

        Raises:
            QueueFull: If what waits leaves no room or not enough time.
            DeadlineExceeded: If the deadline has passed already, or is too near even for the request alone.
        """
        if deadline <= now:
            raise DeadlineExceeded("The deadline passed before the request could be queued.", remedy=LATE_REMEDY)
        load = self._load(deadline, now, batches)
        on_trial = is_trial(tokens * self._estimates.least, deadline - now, load)
        if not on_trial:
            self._admission.check(
                AdmissionRequest(tokens, tokens * self._estimates.usual, deadline - now, fingerprint), load, now
            )
        self._add(tokens, deadline)
        return on_trial

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
