"""What to do about the Deployment, and how far its change is. Pure: (wanted, observed) -> actions, stage.

Which version of the model its pods are to have is decided before, in `model_change`.
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
        has_slot: Whether a change of the pod template may begin now, for what else may be in its way too.
    """

    state: DeploymentState | None
    live_replicas: int = 0
    owns_replicas: bool = False
    template_differs: bool = False
    has_slot: bool = True


@dataclass(frozen=True)
class HandOver:
    """Keep the live count alive under another field manager, before we stop naming one."""

    replicas: int


@dataclass(frozen=True)
class Apply:
    """Apply the Deployment as it was rendered.

    Attributes:
        holds_template: But for the pod template, which stays as it is until a slot is free and the model is there.
    """

    holds_template: bool = False


Action = HandOver | Apply


class Stage(StrEnum):
    """How far the Deployment is, in the words of the Ready condition's reason."""

    CREATING = "Creating"
    PENDING = "UpdatePending"
    MOVING = "Moving"
    FETCHING = "Fetching"
    VERIFYING = "Verifying"
    SHADOWING = "Shadowing"
    ROLLING = "RollingOut"
    SCALING = "Scaling"
    STUCK = "ProgressDeadlineExceeded"
    ROLLED_BACK = "RolledBack"
    PINNED = "PinnedByAnnotation"
    COMPLETE = "AllReplicasReady"
    ASLEEP = "ScaledToZero"


def plan(wanted: Wanted, observed: Observed) -> tuple[Action, ...]:
    """What to do now, in order.

    A change of an existing pod template needs a slot; first creations and all else that may change do not.
    """
    if observed.state is None:
        return (Apply(),)
    apply = Apply(holds_template=observed.template_differs and not observed.has_slot)
    if wanted.replicas is None and observed.owns_replicas:
        return (HandOver(observed.live_replicas), apply)
    return (apply,)


def stage(observed: DeploymentState | None, count: int, *, is_waiting: bool, is_moving: bool = False) -> Stage:
    """How far it is.

    Args:
        observed: State of the live Deployment.
        count: Replicas that it should have now.
        is_waiting: Whether its change waits for a slot.
        is_moving: Whether another Deployment, or a Helm release, serves until this one answers.
    """
    if is_waiting:
        return Stage.PENDING
    if is_moving and not (observed is not None and observed.is_stuck):
        return Stage.MOVING
    if observed is None:
        return Stage.CREATING
    if observed.is_complete(count):
        return Stage.COMPLETE if count else Stage.ASLEEP
    if observed.is_stuck:
        return Stage.STUCK
    if observed.is_changing or observed.replicas > observed.updated:
        return Stage.ROLLING
    return Stage.SCALING if observed.progress_reason == "NewReplicaSetAvailable" else Stage.CREATING
