"""What to do about the Deployment, and how far its change is. Pure: (wanted, observed, now) -> actions, progress.

What belongs here: the order in which a version, a count or a configuration gets into the pods. What must not: any
request, any wording of conditions. A version change is one rolling change; a fetch beforehand, a verdict on the new
version and the way back are further actions between `Wait` and `Apply`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .snapshots import DeploymentState


@dataclass(frozen=True)
class Wanted:
    """What the rendered objects ask of the Deployment.

    Attributes:
        replicas: None while an autoscaler rules the count.
    """

    replicas: int | None


@dataclass(frozen=True)
class Observed:
    """What was found.

    Attributes:
        state: Of the live Deployment; None while there is none.
        live_replicas: Its count.
        owns_replicas: Whether we are the ones who set that count.
        template_differs: Whether applying would change an existing pod template.
        free_places: Changes of pod templates that may begin now, fleet-wide.
    """

    state: DeploymentState | None
    live_replicas: int = 0
    owns_replicas: bool = False
    template_differs: bool = False
    free_places: int = 0


@dataclass(frozen=True)
class HandOver:
    """Keep the live count alive under another field manager, before we stop naming one."""

    replicas: int


@dataclass(frozen=True)
class Apply:
    """Apply the Deployment as it was rendered."""


@dataclass(frozen=True)
class Wait:
    """Leave the Deployment as it is until a place is free."""


Action = HandOver | Apply | Wait


class Stage(StrEnum):
    """How far the Deployment is, in the words of the Ready condition's reason."""

    CREATING = "Creating"
    PENDING = "UpdatePending"
    ROLLING = "RollingOut"
    SCALING = "Scaling"
    STUCK = "ProgressDeadlineExceeded"
    COMPLETE = "AllReplicasReady"
    ASLEEP = "ScaledToZero"


def plan(wanted: Wanted, observed: Observed) -> tuple[Action, ...]:
    """What to do now, in order.

    A change of an existing pod template needs a place; first creations and other changes do not. A change that is under
    way already has its place, so that its own correction never waits.
    """
    if observed.state is None:
        return (Apply(),)
    has_place = observed.free_places > 0 or observed.state.is_changing
    if observed.template_differs and not has_place:
        return (Wait(),)
    if wanted.replicas is None and observed.owns_replicas:
        return (HandOver(observed.live_replicas), Apply())
    return (Apply(),)


def stage(observed: DeploymentState | None, count: int, *, is_waiting: bool) -> Stage:
    """How far it is.

    Args:
        observed: State of the live Deployment.
        count: Replicas that it should have now.
        is_waiting: Whether its change waits for a place.
    """
    if is_waiting:
        return Stage.PENDING
    if observed is None:
        return Stage.CREATING
    if observed.is_complete(count):
        return Stage.COMPLETE if count else Stage.ASLEEP
    if observed.is_stuck:
        return Stage.STUCK
    if observed.is_changing or observed.replicas > observed.updated:
        return Stage.ROLLING
    return Stage.SCALING if observed.progress_reason == "NewReplicaSetAvailable" else Stage.CREATING


def free_places(fleet: list[DeploymentState], limit: int) -> int:
    """How many more pod templates may begin to change; one that is stuck has given its place back."""
    return max(0, limit - sum(state.is_changing for state in fleet))
