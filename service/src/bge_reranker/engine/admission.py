"""Whether a request is admitted to the queue: it is when it would end in time."""

from __future__ import annotations

import random
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import DeadlineExceeded, QueueFull
from .promises import Promises
from .size_shares import SizeShares

MARGIN = 1 / 16
"""Part of the time that a request can spare which is kept for what no prediction knows, such as a batch that is ended
by a slower neighbour."""

_HELD = 1 / 2
"""Most of that time which newcomers leave to requests that were refused and are to retry."""

_HELD_LATER = 2.0
"""Times what is expected to be retried that newcomers leave in the time of those with later deadlines. Once it is used
up nobody gets in before that deadline until it is over, so it must not be used up by chance."""

_CALM = 1 / 4
"""Part of that time down to which the backlog is to fall before a refused request is to retry."""

_JITTER = 0.25
"""Most by which a Retry-After is lengthened at random, as part of it, so that not all retry at once."""

_MAX_WAIT_S = 120.0
"""Longest Retry-After in seconds; beyond it the future is not known."""

_STALE_S = 30.0
"""Seconds after which an idle engine doubts its rate: by then whatever slowed it down may be gone."""

_LEAST_PART = 1 / 16
"""Least part of a request that is worth taking alone."""

_HALVINGS = 10
"""Steps in which the largest such part is looked for."""

_ROOMLESS_BATCHES = 3.0
"""Batches whose time no room is left in: nobody comes before the one that runs, and the engine must not fall idle."""

_TRIAL_SHARE = 0.01
"""Most of the time that goes to requests which are expected to be too large for their deadlines."""

LATE_REMEDY = "Send fewer or shorter documents, or allow more time (the server's deadlineS, X-Request-Deadline-Ms)."

_REMEDY = "Ask again after the seconds in Retry-After, or ask another replica."


@dataclass(frozen=True, slots=True, eq=False)
class LaterLoad:
    """What is admitted already, but has a later deadline than the request that comes now; earliest deadline first."""

    remaining_s: NDArray[np.float64]
    """float64 (N,): seconds until each deadline."""

    ends_s: NDArray[np.float64]
    """float64 (N,): seconds until all that is due by then is expected to have ended, without the request."""

    def late_s(self, own_s: float, held_s: float, load: Load, room: float = 0.0) -> float:
        """Seconds by which one of them would be late, had all to wait for the request too; 0 where none would.

        Args:
            own_s: That the request takes.
            held_s: Most that it must leave to others.
            load: With the margins.
            room: Part of their time that it must leave to those who come before it.
        """
        if not len(self.ends_s):
            return 0.0
        spare_s = np.maximum(0.0, self.remaining_s - own_s - load.doubt_s)
        spare_s = spare_s - np.minimum(load.batch_s, MARGIN * spare_s)
        latest_s = spare_s - np.minimum(held_s, _HELD * spare_s)
        latest_s = np.maximum((1 - room) * latest_s, np.minimum(_ROOMLESS_BATCHES * load.batch_s, latest_s))
        return float((self.ends_s - latest_s).max(initial=0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """How busy the engine is at one moment."""

    before_s: float
    """Seconds until everything that is served before a request that comes now is expected to have ended."""

    later: LaterLoad
    """What is served after it, and must not be late because of it."""

    backlog_tokens: int
    """Tokens reserved, waiting and in flight, of everybody else."""

    max_queue_tokens: int
    """Most tokens that the backlog may have."""

    tokens_per_second: float
    """Measured throughput, above 0."""

    batch_s: float
    """Seconds that a full batch is expected to take."""

    doubt_s: float
    """Seconds by which batches lately missed their expected times."""

    measured_ago_s: float
    """Seconds since the throughput was measured last."""


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """What is known of a request when it is admitted or refused."""

    tokens: int
    """Tokens that are reserved for it."""

    expected_tokens: float
    """Tokens that it is expected to have."""

    remaining_s: float
    """Seconds until its deadline."""

    fingerprint: Hashable = None
    """By which it is recognised when it retries; requests of the same one may be taken for one another."""

    priority: int = 0
    """Lower numbers come first, also when they retry."""

    room: float = 0.0
    """Part of its time that it leaves to those who come before it: more urgent ones, and callers who were served less.
    Without it whoever comes first would fill the queue, and nobody could be preferred any more."""

    def reduced(self, part: float) -> AdmissionRequest:
        """The request with a part of its tokens."""
        return replace(self, tokens=round(part * self.tokens), expected_tokens=part * self.expected_tokens)


class Admission:
    """Admits requests, and remembers whom it refused.

    Args:
        source: Of the jitter.
    """

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._promises = Promises()
        self._shares = SizeShares()

    def check(self, request: AdmissionRequest, load: Load, now: float) -> None:
        """Admit a request that would end in time.

        An idle engine takes any that is not hopeless. One that was refused and retries when it was asked to finds room
        that newcomers do not get.

        Raises:
            QueueFull: If what waits leaves no room or not enough time; says when to retry.
        """
        returns = self._promises.redeem((request.tokens, request.fingerprint), now)
        if load.backlog_tokens == 0:
            self._shares.note(request.tokens, is_admitted=True)
            return
        most_tokens = round((1 - request.room) * load.max_queue_tokens)
        overflow_tokens = load.backlog_tokens + request.tokens - most_tokens
        if overflow_tokens > 0:
            # A request larger than the whole queue is welcome as soon as the engine is idle.
            wait_s = min(overflow_tokens, load.backlog_tokens) / load.tokens_per_second
            message = (
                f"The queue holds {load.backlog_tokens} tokens and has no room for {request.tokens} more "
                f"(maxQueueTokens is {load.max_queue_tokens})."
            )
            raise self._refusal(message, request, wait_s, now)
        returning_s = self._returning_s(request, load, now)
        late_s = self._late_s(request, load, 0.0 if returns else returning_s)
        is_admitted = not late_s and load.before_s <= self._latest_start_s(request, load, returning_s, returns=returns)
        self._shares.note(request.tokens, is_admitted=is_admitted)
        if not is_admitted:
            own_s = request.expected_tokens / load.tokens_per_second
            before_s, spare_s = max(load.before_s, late_s), _spare_s(request, own_s, load)
            calm_s = min(before_s / 2, _CALM * spare_s)
            raise self._refusal(_why_refused(request, load), request, before_s + returning_s - calm_s, now)

    def part(self, request: AdmissionRequest, load: Load, now: float) -> float:
        """The largest part of a request that would be in time, 1 for all of it, 0 where it is not worth while."""
        fitting, too_large = 0.0, 1.0
        if self._fits(request, load, now):
            return 1.0
        for _ in range(_HALVINGS):
            part = (fitting + too_large) / 2
            if self._fits(request.reduced(part), load, now):
                fitting = part
            else:
                too_large = part
        return fitting if fitting >= _LEAST_PART else 0.0

    def _fits(self, request: AdmissionRequest, load: Load, now: float) -> bool:
        """Whether a request would be in time as a newcomer, also where the engine is idle."""
        own_s = request.expected_tokens / load.tokens_per_second
        if load.before_s + own_s + load.doubt_s + min(load.batch_s, MARGIN * own_s) > request.remaining_s:
            return False
        if not load.backlog_tokens:
            return True
        if load.backlog_tokens + request.tokens > (1 - request.room) * load.max_queue_tokens:
            return False
        returning_s = self._returning_s(request, load, now)
        is_late = load.before_s > self._latest_start_s(request, load, returning_s, returns=False)
        return not is_late and not self._late_s(request, load, returning_s)

    def _returning_s(self, request: AdmissionRequest, load: Load, now: float) -> float:
        """Seconds that those need who are to retry and do not come after this request."""
        return self._promises.expected_tokens(now, request.priority) / load.tokens_per_second

    def _late_s(self, request: AdmissionRequest, load: Load, returning_s: float) -> float:
        """Seconds by which somebody with a later deadline would be late because of a request."""
        own_s = request.expected_tokens / load.tokens_per_second
        return load.later.late_s(own_s, _HELD_LATER * returning_s, load, request.room)

    def _latest_start_s(self, request: AdmissionRequest, load: Load, returning_s: float, *, returns: bool) -> float:
        """Seconds from now within which a request must begin to be admitted.

        A newcomer leaves time to those that are to retry, and, while a larger size goes short, what one of it needs.
        """
        tokens = request.expected_tokens
        if returns:
            return _spare_s(request, tokens / load.tokens_per_second, load)
        largest_tokens = self._shares.largest_short_tokens(load.tokens_per_second * request.remaining_s)
        spare_s = _spare_s(request, max(tokens, largest_tokens) / load.tokens_per_second, load)
        return spare_s - min(returning_s, _HELD * spare_s)

    def _refusal(self, message: str, request: AdmissionRequest, wait_s: float, now: float) -> QueueFull:
        wait_s = min(wait_s, _MAX_WAIT_S / (1.0 + _JITTER)) * self._source.uniform(1.0, 1.0 + _JITTER)
        self._promises.give(
            (request.tokens, request.fingerprint), round(request.expected_tokens), wait_s, now, request.priority
        )
        return QueueFull(message, remedy=_REMEDY, retry_after_s=wait_s)


def is_trial(tokens: float, remaining_s: float, load: Load) -> bool:
    """Whether a request is admitted although it could not end in time even alone.

    The measured rate may be wrong, and where only such requests come, nothing else would show it.

    Args:
        tokens: That it has at least.
        remaining_s: Until its deadline.
        load: Of the others.

    Returns:
        False when it could end in time.

    Raises:
        DeadlineExceeded: If it could not, and the rate was measured not long ago, or others wait.
    """
    alone_s = tokens / load.tokens_per_second
    if alone_s <= remaining_s:
        return False
    trial_share_s = min(trial_s(remaining_s), load.batch_s) / _TRIAL_SHARE
    if load.backlog_tokens == 0 and load.measured_ago_s >= max(_STALE_S, trial_share_s):
        return True
    raise DeadlineExceeded(
        f"{tokens:.0f} tokens or more take about {shown(alone_s)} here, even alone, "
        f"and the deadline is in {shown(max(0.0, remaining_s))}.",
        remedy=LATE_REMEDY,
        figures={"expected_s": alone_s, "remaining_s": remaining_s},
    )


def shown(seconds: float) -> str:
    """A time for people; deadlines are given in milliseconds, and may be short."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def trial_s(remaining_s: float) -> float:
    """Seconds that the batch of a trial may take: enough to measure, too little to hold up others."""
    return remaining_s / 4


def _why_refused(request: AdmissionRequest, load: Load) -> str:
    own_s = request.expected_tokens / load.tokens_per_second
    message = (
        f"What waits here takes {shown(load.before_s)}, this request about {shown(own_s)}, "
        f"and its deadline is in {shown(request.remaining_s)}."
    )
    if load.later.late_s(own_s, 0.0, load):
        return message + " Requests with later deadlines that were accepted before would be late."
    if load.before_s + own_s > request.remaining_s:
        return message
    if request.room:
        return message + " The time between is kept for more urgent requests and callers who asked for less."
    return message + " The time between is kept for requests that were refused before."


def _spare_s(request: AdmissionRequest, own_s: float, load: Load) -> float:
    """What a request can wait, without the room that it leaves to those who come before it."""
    spare_s = max(0.0, request.remaining_s - own_s - load.doubt_s)
    spare_s -= min(load.batch_s, MARGIN * spare_s)
    return max((1 - request.room) * spare_s, min(_ROOMLESS_BATCHES * load.batch_s, spare_s))
