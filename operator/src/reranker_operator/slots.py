"""Which Rerankers may change their pods now: so many at a time, and only those whose rollout makes progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .resource import Key
from .snapshots import DeploymentState, Pod

SAID_S = 30.0
"""Time for which one who waits is told the same: hundreds may wait, and each word of it is a write of a status."""

Progress = tuple[int, int, int]
"""How far a change is: pods that are there and answer, how far the others are, bytes fetched. Further is greater."""


@dataclass(frozen=True)
class Rollout:
    """A change of an existing pod template that is under way.

    Attributes:
        revision: Which one of its Deployment it is; a correction is another change.
    """

    revision: int
    progress: Progress


@dataclass(frozen=True)
class NoSlot:
    """Why there is no slot now.

    Attributes:
        limit: How many there are.
        holders: Who has them.
        ahead: How many asked before and wait as well.
        is_capped: The namespace has all that it may have while another one waits.
    """

    limit: int
    holders: tuple[Key, ...]
    ahead: int
    is_capped: bool


@dataclass(frozen=True)
class _Furthest:
    """How far a change ever got, and when that was seen first."""

    revision: int
    progress: Progress
    at_s: float


def progress_of(state: DeploymentState, pods: Iterable[Pod], fetched_bytes: int = 0) -> Progress:
    """How far a change is; a container that begins anew gets no further than it was.

    Args:
        state: Of the Deployment.
        pods: Its pods; those that ended for good count for nothing.
        fetched_bytes: Of models on their way into these pods.
    """
    answering = state.available + 2 * state.updated - state.replicas
    others = [pod for pod in pods if not pod.is_ready and not pod.is_being_deleted and not pod.is_over]
    return answering, sum(pod.steps for pod in others), fetched_bytes


class Slots:
    """The slots of the fleet.

    Args:
        limit: Pod templates that may be in change at a time.
        stall_s: Time without progress after which a change gives its slot back.
        now: Monotonic seconds.
    """

    def __init__(self, limit: int, stall_s: float, now: Callable[[], float]) -> None:
        self._limit = limit
        self.stall_s = stall_s
        self._now = now
        self._rollouts: dict[Key, _Furthest] = {}
        self._waiting: dict[Key, float] = {}
        self._taken: set[Key] = set()
        self._said: dict[Key, tuple[NoSlot, float]] = {}

    def under_way(self) -> set[Key]:
        """Whose rollouts are to be seen again, with a slot or without."""
        return set(self._rollouts)

    def see(self, key: Key, rollout: Rollout | None) -> None:
        """How far a Reranker's change is; None if it has none, or is not worked on."""
        known = self._rollouts.get(key)
        if rollout is None:
            self._rollouts.pop(key, None)
        elif known is None or known.revision != rollout.revision or rollout.progress > known.progress:
            self._rollouts[key] = _Furthest(rollout.revision, rollout.progress, self._now())

    def holders(self) -> tuple[Key, ...]:
        """Who has a slot: whose change got further within the time."""
        oldest_s = self._now() - self.stall_s
        moving = {key for key, furthest in self._rollouts.items() if furthest.at_s > oldest_s}
        return tuple(sorted(moving | self._taken))

    def take(self, key: Key) -> NoSlot | None:
        """Take a slot for a change that is to be made, until `begin`; or wait for one, and be told why."""
        self._waiting.setdefault(key, self._now())
        if not self.is_open(key):
            return self._refusal(key)
        self.leave(key)
        self._taken.add(key)
        return None

    def begin(self, key: Key, rollout: Rollout | None) -> None:
        """The change was made, or failed: from now on what is there counts. A correction has its own time."""
        self._taken.discard(key)
        self._rollouts.pop(key, None)
        self.see(key, rollout)

    def is_open(self, key: Key) -> bool:
        """Whether one who waits would get a slot now: it has one, or is among the next of those who wait."""
        holders = self.holders()
        if key in holders:
            return True
        shares = _Shares(self._limit, holders, self._waiting)
        for waiting in self._queue() if shares.free > 0 else ():
            if not shares.is_capped(waiting.namespace):
                if waiting == key:
                    return True
                shares.give(waiting)
        return False

    def leave(self, key: Key) -> None:
        """It waits no longer."""
        self._waiting.pop(key, None)
        self._said.pop(key, None)

    def forget(self, key: Key) -> None:
        """It is gone, suspended, or another operator's: it neither waits nor holds a slot."""
        self.leave(key)
        self.see(key, None)

    def _queue(self) -> list[Key]:
        """Who waits, in the order of asking."""
        return sorted(self._waiting, key=lambda key: (self._waiting[key], key))

    def _refusal(self, key: Key) -> NoSlot:
        said = self._said.get(key)
        if said is not None and self._now() - said[1] < SAID_S:
            return said[0]
        holders = self.holders()
        shares = _Shares(self._limit, holders, self._waiting)
        is_capped = shares.free > 0 and shares.is_capped(key.namespace)
        refusal = NoSlot(self._limit, holders, self._queue().index(key), is_capped)
        self._said[key] = (refusal, self._now())
        return refusal


class _Shares:
    """Slots and those who want one, by namespace."""

    def __init__(self, limit: int, holders: Iterable[Key], waiting: Iterable[Key]) -> None:
        self._limit = limit
        self._held = Counter(key.namespace for key in holders)
        self._wanted = Counter(key.namespace for key in waiting)

    @property
    def free(self) -> int:
        """Slots that nobody has."""
        return max(0, self._limit - self._held.total())

    def is_capped(self, namespace: str) -> bool:
        """Whether a namespace can have none: it has all slots but one, but for the only one, and another one waits."""
        others = self._wanted.total() - self._wanted[namespace]
        return self.free == 0 or (others > 0 and self._held[namespace] >= max(1, self._limit - 1))

    def give(self, key: Key) -> None:
        """One who waits gets a slot."""
        self._held[key.namespace] += 1
        self._wanted[key.namespace] -= 1
