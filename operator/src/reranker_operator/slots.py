"""Which Rerankers may change their pods now: so many at a time, and only those whose rollout makes progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from .pods import Pod
from .resource import Key
from .snapshots import DeploymentState

REFUSAL_KEPT_S = 30.0
"""Time for which a refusal stays as it is: hundreds may wait, and each change of one is a write of a status."""

Progress = tuple[int, int, int]
"""How far a change is: pods that are there and answer, how far the others are, and their downloads. Further is
greater."""


@dataclass(frozen=True)
class Rollout:
    """A change of an existing pod template that is under way.

    Attributes:
        revision: Which one of its Deployment it is; a correction is another change.
        quiet_s: For how long it has made no progress, as far as the cluster tells.
    """

    revision: int
    progress: Progress
    quiet_s: float = 0.0


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
class Furthest:
    """How far a change ever got, and when that was seen first."""

    revision: int
    progress: Progress
    at_s: float


@dataclass(eq=False)
class SlotClaim:
    """What one Reranker has to do with the slots.

    Attributes:
        is_seen: Whether its rollouts were ever looked at.
        furthest: How far its rollout is; None while none is under way.
        waits_since_s: When it asked for a slot that it did not get yet.
        is_taken: It has a slot for a change that is about to be made.
        refusal: Why it waits, and when that was said.
    """

    key: Key
    is_seen: bool = False
    furthest: Furthest | None = None
    waits_since_s: float | None = None
    is_taken: bool = False
    refusal: tuple[NoSlot, float] | None = None


def progress_of(state: DeploymentState, pods: Iterable[Pod], download_steps: int = 0) -> Progress:
    """How far a change is; a container that begins anew gets no further than it was.

    Args:
        state: Of the Deployment.
        pods: Its pods; those that ended for good count for nothing.
        download_steps: Of models on their way into these pods.
    """
    answering = state.available + 2 * state.updated - state.replicas
    return answering, sum(pod.steps for pod in pods if pod.is_on_its_way), download_steps


class Slots:
    """The slots of the fleet.

    Args:
        limit: Pod templates that may be in change at a time.
        stall_s: Time without progress after which a change gives its slot back.
        claims: Of all Rerankers there are.
        now: Monotonic seconds.
    """

    def __init__(
        self, limit: int, stall_s: float, claims: Callable[[], Iterable[SlotClaim]], now: Callable[[], float]
    ) -> None:
        self._limit = limit
        self.stall_s = stall_s
        self._claims = claims
        self._now = now

    def see(self, claim: SlotClaim, rollout: Rollout | None) -> None:
        """How far a Reranker's change is; None if it has none, or is not worked on.

        Of one that was under way before it was seen first, as when the process is a new one, the cluster tells since
        when it has made no progress.
        """
        claim.is_seen, furthest = True, claim.furthest
        if rollout is None:
            claim.furthest = None
        elif furthest is None:
            claim.furthest = Furthest(rollout.revision, rollout.progress, self._now() - rollout.quiet_s)
        elif furthest.revision != rollout.revision or rollout.progress > furthest.progress:
            claim.furthest = Furthest(rollout.revision, rollout.progress, self._now())

    def holders(self) -> tuple[Key, ...]:
        """Who has a slot."""
        return tuple(sorted(claim.key for claim in self._claims() if self._is_holder(claim)))

    def take(self, claim: SlotClaim) -> NoSlot | None:
        """Take a slot for a change that is to be made, until `begin`; or wait for one, and learn why."""
        if claim.waits_since_s is None:
            claim.waits_since_s = self._now()
        if not self.is_open(claim):
            return self._refusal(claim)
        self.leave(claim)
        claim.is_taken = True
        return None

    def begin(self, claim: SlotClaim, rollout: Rollout | None) -> None:
        """The change was made, or failed: from now on what is there counts. A correction has its own time."""
        claim.is_taken, claim.furthest = False, None
        self.see(claim, None if rollout is None else replace(rollout, quiet_s=0.0))

    def is_open(self, claim: SlotClaim) -> bool:
        """Whether one who waits would get a slot now: it has one, or is among the next of those who wait."""
        if self._is_holder(claim):
            return True
        queue = self._queue()
        shares = _Shares(self._limit, self.holders(), queue)
        for key in queue if shares.free > 0 else ():
            if not shares.is_capped(key.namespace):
                if key == claim.key:
                    return True
                shares.give(key)
        return False

    def leave(self, claim: SlotClaim) -> None:
        """It waits no longer."""
        claim.waits_since_s = claim.refusal = None

    def release(self, claim: SlotClaim) -> None:
        """It is suspended, or being deleted: it neither waits nor holds a slot."""
        self.leave(claim)
        self.see(claim, None)

    def _is_holder(self, claim: SlotClaim) -> bool:
        """Whether its change is about to be made, or got further within the time."""
        return claim.is_taken or (claim.furthest is not None and claim.furthest.at_s > self._now() - self.stall_s)

    def _queue(self) -> list[Key]:
        """Who waits, in the order of asking."""
        waiting = ((claim.waits_since_s, claim.key) for claim in self._claims())
        return [key for _, key in sorted((since_s, key) for since_s, key in waiting if since_s is not None)]

    def _refusal(self, claim: SlotClaim) -> NoSlot:
        if claim.refusal is not None and self._now() - claim.refusal[1] < REFUSAL_KEPT_S:
            return claim.refusal[0]
        holders, queue = self.holders(), self._queue()
        shares = _Shares(self._limit, holders, queue)
        is_capped = shares.free > 0 and shares.is_capped(claim.key.namespace)
        ahead = queue.index(claim.key) if claim.key in queue else len(queue)
        refusal = NoSlot(self._limit, holders, ahead, is_capped)
        claim.refusal = (refusal, self._now())
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
