"""What a batch is made of, before and while it is scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from .batch import Batch, Pair
from .lanes import Lane
from .observer import BatchReport
from .ticket import TicketSlice


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Slices of tickets that are to be scored together. Every change gives a new plan that is not packed."""

    slices: tuple[TicketSlice, ...]
    tokens: int
    """Tokens of the batch."""
    limit_tokens: int
    """Limit, for memory and for time, that held when the batch was taken; a single pair may exceed it."""
    ends_by: float
    """When the batch must have ended for all tickets that it completes to be in time."""
    latest_by_lane: Mapping[Lane, float]
    """Latest deadline of each lane's tickets in it: whoever comes before one of them displaces the batch."""
    is_closed: bool = False
    """Whether nothing may join any more: something in it would end too late."""
    batch: Batch | None = None
    """The packed batch, once somebody found the time to pack it."""

    @classmethod
    def of(cls, slices: Sequence[TicketSlice], limit_tokens: int) -> Self:
        """Plan a batch of these slices."""
        tokens = sum(slice_.tokens for slice_ in slices)
        return cls(tuple(slices), tokens, limit_tokens, _ends_by(slices), _latest_by_lane(slices))

    @property
    def latest_deadline(self) -> float:
        """Latest deadline of a ticket in it."""
        return max(self.latest_by_lane.values())

    @property
    def room_tokens(self) -> int:
        """Tokens that may still join; below 0 for a single large pair."""
        if self.is_closed or self.slices[0].ticket.is_apart:
            return 0
        return self.limit_tokens - self.tokens

    @property
    def pairs(self) -> list[Pair]:
        """The pairs in the order of the batch."""
        return [pair for slice_ in self.slices for pair in slice_.pairs]

    def tokens_until(self, deadline: float) -> int:
        """Tokens of tickets with this deadline or an earlier one."""
        if self.latest_deadline <= deadline:
            return self.tokens
        return sum(slice_.tokens for slice_ in self.slices if slice_.ticket.deadline <= deadline)

    def joined_by(self, more: Sequence[TicketSlice]) -> Self:
        """The plan with further slices behind its own."""
        return replace(
            self,
            slices=(*self.slices, *more),
            tokens=self.tokens + sum(slice_.tokens for slice_ in more),
            ends_by=min(self.ends_by, _ends_by(more)),
            latest_by_lane=_latest_by_lane((*self.slices, *more)),
            batch=None,
        )

    def without_ended(self) -> Self | None:
        """The plan without slices of tickets that have ended; None when nothing is left."""
        slices = tuple(slice_ for slice_ in self.slices if not slice_.ticket.has_ended)
        if len(slices) == len(self.slices):
            return self
        if not slices:
            return None
        return type(self).of(slices, self.limit_tokens)

    def report(self, compute_s: float, *, without: Collection[int] = ()) -> BatchReport:
        """Describe the batch to the observer.

        Args:
            compute_s: Seconds that the scorer took.
            without: Pairs that are not counted, by index in the batch.
        """
        pairs = self.pairs if without else ()
        return BatchReport(
            pairs=sum(len(slice_.pairs) for slice_ in self.slices) - len(without),
            tokens=self.tokens - sum(len(pairs[index]) for index in without),
            limit_tokens=self.limit_tokens,
            compute_s=compute_s,
        )


def _ends_by(slices: Sequence[TicketSlice]) -> float:
    return min((slice_.ends_by for slice_ in slices), default=float("inf"))


def _latest_by_lane(slices: Sequence[TicketSlice]) -> Mapping[Lane, float]:
    latest: dict[Lane, float] = {}
    for ticket in (slice_.ticket for slice_ in slices):
        latest[ticket.lane] = max(ticket.deadline, latest.get(ticket.lane, ticket.deadline))
    return latest
