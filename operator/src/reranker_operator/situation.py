"""What was found about one Reranker in a round. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .change_record import FinalVerdict
from .errors import OperatorError
from .model_change import Decision
from .move import Move
from .pods import PodFacts
from .rollout import Stage
from .slots import NoSlot
from .snapshots import DeploymentState
from .trouble import Trouble
from .versions import Version


@dataclass(frozen=True)
class ModelSituation:
    """How far the model is.

    Attributes:
        spec: The version that the spec names.
        is_fetching: Whether a Job or a new pod is at its download.
        percent: How much of it is done; None if nobody says.
    """

    decision: Decision
    spec: Version
    is_fetching: bool = False
    percent: int | None = None


@dataclass(frozen=True)
class Situation:
    """What was found.

    Attributes:
        count: Replicas that there should be now; an autoscaler's wish while there is one.
        former_available: Replicas of a Deployment that is left behind.
        no_slot: Why a change of the pods waits.
        move: What serves until the wanted Deployment answers; None if nothing does.
        facts: What the ready pods that were reached say.
        unreached: Ready pods that did not answer.
        additions: What others have set on the objects, each with the object's name.
        error: What stopped this round.
        autoscaler: Status of the HorizontalPodAutoscaler or ScaledObject; None without one.
        autoscaler_spec: Its spec.
        model: How far the model is; None if that was not looked at.
        warning: A sentence about the operator's surroundings, such as a CRD that is older than it.
    """

    stage: Stage
    count: int
    deployment: DeploymentState | None = None
    former_available: int = 0
    no_slot: NoSlot | None = None
    move: Move | None = None
    facts: tuple[PodFacts, ...] = ()
    unreached: int = 0
    additions: tuple[str, ...] = ()
    trouble: Trouble | None = None
    error: OperatorError | None = None
    autoscaler: Mapping[str, Any] | None = None
    autoscaler_spec: Mapping[str, Any] = field(default_factory=dict)
    endpoint: str = ""
    selector: str = ""
    model: ModelSituation | None = None
    warning: str = ""
    is_suspended: bool = False

    @property
    def is_serving(self) -> bool:
        """Whether any replica of it is ready, be it of a former Deployment."""
        return bool(self.former_available or (self.deployment and self.deployment.ready))

    @property
    def verdict(self) -> FinalVerdict | None:
        """Why the version that is wanted does not serve."""
        return self.model.decision.verdict if self.model is not None else None

    @property
    def is_at_rest(self) -> bool:
        """Whether the pods are as the spec asks for."""
        return self.stage in {Stage.COMPLETE, Stage.ASLEEP}
