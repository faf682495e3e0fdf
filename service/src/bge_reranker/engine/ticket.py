"""One submission in the queue: its pairs, how far they have come, and what became of each.

Pairs of a ticket begin and end in order, so "which have ended" is one number however many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NonFiniteScore, RerankerError
from .batch import Pair
from .lanes import Lane
from .trail import MOST_BATCHES, BatchShare, Trail

SCORED = "Scored"
"""What a pair that got its logit is counted under, beside the codes of the errors."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of every pair of one submission."""

    logits: NDArray[np.float32]
    """float32 (N,): one logit per pair, always finite; 0 and without meaning where `errors` has the index."""

    errors: Mapping[int, RerankerError]
    """The pairs without a logit, by index, and why; one instance may stand for many pairs."""

    queue_s: float
    """Seconds from submission until the last pair began, or until the end where it never did."""

    compute_s: float
    """Seconds of computing, each batch shared out by tokens."""

    trail: Trail
    """When it was submitted, and in which batches it was."""


@dataclass(frozen=True, slots=True, eq=False)
class TicketSlice:
    """Consecutive pairs of one ticket that go into a batch together."""

    ticket: Ticket
    start: int
    """First pair of the slice."""
    stop: int
    """Pair after the last one of the slice."""
    tokens: int
    """Tokens in the slice."""
    pairs: Sequence[Pair]
    """The pairs themselves, so that packing needs no lock while the ticket may end."""

    @property
    def ends_by(self) -> float:
        """When its batch must have ended: the deadline of a ticket that it completes, else never."""
        completes = self.stop == self.ticket.total_pairs and not self.ticket.is_trial
        return self.ticket.deadline if completes else float("inf")


class Ticket:
    """One submission in the queue; not thread-safe, the dispatcher's caller holds the lock.

    Args:
        pairs: The pairs to score, at least one.
        deadline: Time on the engine's clock after which nobody waits any more.
        on_done: Called once with the outcome.
        submitted_at: Time on the engine's clock.
        lane: Where it waits.
        is_trial: Whether a batch of it is computed although it is expected to be too large for its deadline.
        is_partial: Whether its caller takes what can be scored in time, without the rest.

    Raises:
        ValueError: If there is no pair, or one has no tokens; this is a bug.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        deadline: float,
        on_done: Callable[[Outcome], None],
        submitted_at: float,
        *,
        lane: Lane,
        is_trial: bool = False,
        is_partial: bool = False,
    ) -> None:
        # len(pair.tokens) instead of len(pair): a Python-level __len__ costs 10,000 calls in a large request.
        lengths_tokens = np.array([len(pair.tokens) for pair in pairs], dtype=np.int64)
        if not len(lengths_tokens) or not lengths_tokens.all():
            raise ValueError("a submission has at least one pair, and a pair at least one token; this is a bug")
        self.deadline = deadline
        self.on_done = on_done
        self.submitted_at = submitted_at
        self.arrival = 0
        """Number in order of arrival, which the queue gives it."""
        self.lane = lane
        self.is_queued = False
        """Whether it stands in its lane; the queue keeps it there until it surfaces."""
        self.total_pairs = len(lengths_tokens)
        """Pairs that are to end one after another; fewer than it came with once some were given up."""
        self.taken_pairs = 0
        self.ended_pairs = 0
        self.is_apart = False
        self.is_trial = is_trial
        self.is_partial = is_partial
        self._pairs = pairs
        self._ends_tokens = np.concatenate(([0], np.cumsum(lengths_tokens)))
        self._logits = np.zeros(self.total_pairs, dtype=np.float32)
        self._failures: list[tuple[int, int, RerankerError]] = []
        self._queue_s: float | None = None
        self._compute_s = 0.0
        self._batches: list[BatchShare] = []
        self._last_batch: BatchShare | None = None

    @property
    def has_ended(self) -> bool:
        """True once every pair has its logit or its error."""
        return self.ended_pairs == self.total_pairs

    @property
    def is_taken(self) -> bool:
        """Whether no pair waits any more."""
        return self.taken_pairs == self.total_pairs

    @property
    def total_tokens(self) -> int:
        """Tokens of all pairs that have not been given up."""
        return int(self._ends_tokens[self.total_pairs])

    @property
    def waiting_tokens(self) -> int:
        """Tokens of the pairs that no batch has taken yet."""
        return int(self._ends_tokens[self.total_pairs] - self._ends_tokens[self.taken_pairs])

    @property
    def waiting_pairs(self) -> int:
        """Pairs that no batch has taken yet."""
        return self.total_pairs - self.taken_pairs

    @property
    def next_pair_tokens(self) -> int:
        """Tokens of the pair that is taken next; some pair must wait."""
        return int(self._ends_tokens[self.taken_pairs + 1] - self._ends_tokens[self.taken_pairs])

    def take(self, room_tokens: int, *, at_least_one: bool) -> TicketSlice | None:
        """Take as many waiting pairs, in order, as fit into the room.

        Args:
            room_tokens: Tokens that the batch still has room for.
            at_least_one: Take the next pair even when it is larger than the room: it forms a batch of its own.

        Returns:
            The slice, or None when the next pair does not fit.
        """
        start = self.taken_pairs
        limit_tokens = self._ends_tokens[start] + room_tokens
        stop = int(np.searchsorted(self._ends_tokens, limit_tokens, side="right")) - 1
        stop = min(max(stop, start + 1) if at_least_one else stop, self.total_pairs)
        if stop <= start:
            return None
        self.taken_pairs = stop
        tokens = int(self._ends_tokens[stop] - self._ends_tokens[start])
        return TicketSlice(self, start, stop, tokens, self._pairs[start:stop])

    def give_back(self, slice_: TicketSlice) -> None:
        """Let the pairs of a slice that was not scored wait again."""
        self.taken_pairs = min(self.taken_pairs, slice_.start)

    def begin(self, slice_: TicketSlice, now: float) -> None:
        """Note that computing begins for a slice."""
        if slice_.stop == self.total_pairs:
            self._queue_s = now - self.submitted_at

    def settle(
        self,
        slice_: TicketSlice,
        logits: NDArray[np.float32],
        compute_s: float,
        errors: Mapping[int, RerankerError] | None = None,
    ) -> None:
        """End the pairs of a slice with their logits, their errors, or with `NonFiniteScore`.

        Args:
            slice_: The slice that was scored, N pairs.
            logits: float32 (N,): may hold NaN or infinities.
            compute_s: This slice's share of the batch's seconds.
            errors: The pairs that the scorer failed on, by index in the slice; the ticket's other pairs share no batch
                with other tickets from now on.
        """
        for index, error in (errors or {}).items():
            self._failures.append((slice_.start + index, slice_.start + index + 1, error))
            self.is_apart = True
        finite = np.isfinite(logits)
        if not finite.all():
            logits = np.where(finite, logits, np.float32(0))
            for offset in np.flatnonzero(~finite).tolist():
                unscored = slice_.start + offset
                self._failures.append(
                    (unscored, unscored + 1, NonFiniteScore("The model gave no finite logit for this pair."))
                )
        self._logits[slice_.start : slice_.stop] = logits
        self._compute_s += compute_s
        self._end(slice_)

    def note_batch(self, share: BatchShare) -> None:
        """Remember a batch that scored pairs of this ticket."""
        self._last_batch = share
        if len(self._batches) < MOST_BATCHES:
            self._batches.append(share)

    def fail(self, slice_: TicketSlice, error: RerankerError) -> None:
        """End the pairs of a slice with an error."""
        self._failures.append((slice_.start, slice_.stop, error))
        self._end(slice_)

    def fail_rest(self, error: RerankerError, now: float) -> None:
        """End every pair that has not ended, wherever it is, and forget the pairs."""
        self._failures.append((self.ended_pairs, self.total_pairs, error))
        if self._queue_s is None:
            self._queue_s = now - self.submitted_at
        self.ended_pairs = self.taken_pairs = self.total_pairs
        self._pairs = ()

    def trim(self, waiting_tokens: float, error: RerankerError) -> int:
        """Give up the last of the pairs that wait, so that those which stay have no more than so many tokens.

        Returns:
            Tokens that were given up. The ticket may have ended then.
        """
        limit_tokens = self._ends_tokens[self.taken_pairs] + max(0.0, waiting_tokens)
        stop = int(np.searchsorted(self._ends_tokens, limit_tokens, side="right")) - 1
        if stop >= self.total_pairs:
            return 0
        given_up_tokens = int(self._ends_tokens[self.total_pairs] - self._ends_tokens[stop])
        self._failures.append((stop, self.total_pairs, error))
        self.total_pairs = stop
        return given_up_tokens

    def outcome(self) -> Outcome:
        """Put together what the caller gets; the ticket must have ended."""
        errors: dict[int, RerankerError] = {}
        for start, stop, error in self._failures:
            errors.update(dict.fromkeys(range(start, stop), error))
        last = self._last_batch
        trail = Trail(self.submitted_at, self._batches, None if last is None else last.began + last.compute_s)
        return Outcome(self._logits, errors, self._queue_s or 0.0, self._compute_s, trail)

    def pairs_by_code(self) -> Mapping[str, int]:
        """Count the pairs by how they ended: `SCORED` or the code of their error."""
        counts: Counter[str] = Counter()
        for start, stop, error in self._failures:
            counts[error.code] += stop - start
        counts[SCORED] = len(self._logits) - counts.total()
        return +counts

    def _end(self, slice_: TicketSlice) -> None:
        if slice_.start != self.ended_pairs:
            raise RuntimeError(
                f"pairs {slice_.start} to {slice_.stop} end, but {self.ended_pairs} had ended; this is a bug"
            )
        self.ended_pairs = slice_.stop
        if self.has_ended:
            self._pairs = ()
