"""What is known of each Reranker: one record, made when it is first heard of, and forgotten as a whole.

What the slots, the worklist and the metrics say of all Rerankers together is read from these records, so that nothing
of one that is gone stays anywhere: a round that is still at it writes into a record that nobody reads any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .kinds import Ref
from .metrics import Said
from .pod_answers import PodAnswers
from .resource import Key, Reranker
from .slots import SlotClaim
from .worklist import Schedule


@dataclass(frozen=True)
class AppliedObject:
    """An object as we left it, so that an idle round writes nothing.

    Attributes:
        desired: Digest of the body that is wanted.
        fingerprint: Of the live object after it was applied.
        is_held: Whether it was applied without its new pod template, which waits for a slot.
    """

    desired: bytes
    fingerprint: bytes
    is_held: bool = False


@dataclass
class Reported:
    """What was reported about a Reranker.

    Attributes:
        state: Reason of its Ready condition; empty before the first round.
        status: The status that was last written, which the watch may not have shown yet.
        version: Resource version after that write.
        events: When an event was posted, by its text and the generation.
        error: The error that was last logged, so that one that lasts is not logged with every round.
    """

    state: str = ""
    status: Mapping[str, Any] | None = None
    version: int = 0
    events: dict[tuple[str, int], float] = field(default_factory=dict)
    error: str = ""


@dataclass(eq=False)
class Tracked:
    """One Reranker, by its uid: a namesake that comes later has a record of its own.

    Attributes:
        reranker: As last heard of.
        schedule: When its next round is.
        slot: Its part in the rollout slots.
        answers: What its pods said.
        objects: Its objects as we left them.
    """

    reranker: Reranker
    schedule: Schedule
    slot: SlotClaim
    answers: PodAnswers
    objects: dict[Ref, AppliedObject] = field(default_factory=dict)
    reported: Reported = field(default_factory=Reported)

    @classmethod
    def begin(cls, reranker: Reranker, schedule: Schedule) -> Self:
        """Nothing is known yet but the resource itself."""
        return cls(reranker, schedule, SlotClaim(reranker.key), PodAnswers(reranker.key))

    @property
    def key(self) -> Key:
        """What its work is queued by."""
        return self.reranker.key


class TrackedRerankers:
    """All records.

    Args:
        now: Monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._records: dict[Key, Tracked] = {}

    def __iter__(self) -> Iterator[Tracked]:
        return iter(self._records.values())

    def get(self, key: Key) -> Tracked | None:
        """The record of the Reranker that has this name now."""
        return self._records.get(key)

    def see(self, reranker: Reranker) -> Tracked | None:
        """Take in a Reranker as it is; None if this is a late change of a former one of its name."""
        known = self._records.get(reranker.key)
        if known is not None and known.reranker.uid == reranker.uid:
            known.reranker = reranker
            return known
        if known is not None and known.reranker.version > reranker.version:
            return None
        self._records[reranker.key] = Tracked.begin(reranker, Schedule(reranker.key, self._now()))
        return self._records[reranker.key]

    def forget(self, reranker: Reranker) -> None:
        """It is gone; a namesake stays."""
        known = self._records.get(reranker.key)
        if known is not None and known.reranker.uid == reranker.uid:
            del self._records[reranker.key]

    def start_over(self, tracked: Tracked) -> None:
        """It is another operator's: all is forgotten but the resource and when it is looked at again."""
        if self._records.get(tracked.key) is tracked:
            self._records[tracked.key] = Tracked.begin(tracked.reranker, tracked.schedule)

    def schedules(self) -> Iterator[Schedule]:
        """When rounds are due."""
        return (tracked.schedule for tracked in self)

    def claims(self) -> Iterator[SlotClaim]:
        """Who has, wants or needs no rollout slot."""
        return (tracked.slot for tracked in self)

    def conditions(self) -> Iterator[Said]:
        """Every condition that was reported."""
        for tracked in self:
            for each in (tracked.reported.status or {}).get("conditions", ()):
                yield Said(*tracked.key, each["type"], each["status"], each["reason"])

    def states(self) -> Iterator[str]:
        """What the Ready conditions say."""
        return (tracked.reported.state for tracked in self if tracked.reported.state)
