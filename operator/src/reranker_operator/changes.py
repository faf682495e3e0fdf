"""What is to be done about single objects, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import rollout
from .adopt import MANAGER, is_workload
from .errors import RefusedByCluster
from .events import Event
from .kinds import Ref
from .move import Move
from .slots import NoSlot
from .snapshots import Child, DeploymentState, digest_of


@dataclass(frozen=True)
class Change:
    """One object that is to be applied.

    Attributes:
        desired: Digest of the body.
        live: The object as it is; None if there is none, or if its content does not matter.
        uid: Of the live object.
    """

    ref: Ref
    body: dict[str, Any]
    desired: bytes
    live: Mapping[str, Any] | None
    uid: str

    @property
    def is_deployment(self) -> bool:
        """Whether it is the one with the pods."""
        return is_workload(self.body)

    def pinned(self) -> dict[str, Any]:
        """The body, refused should another object have the name by then."""
        if not self.uid:
            return self.body
        return {**self.body, "metadata": {**self.body["metadata"], "uid": self.uid}}

    def having(self, body: dict[str, Any]) -> Change:
        """With another body."""
        return self if body is self.body else replace(self, body=body, desired=digest_of(body))

    def until_moved(self, move: Move) -> Change:
        """A Service that is not there, as it has to be while the former Deployment serves."""
        if self.uid or not move.is_under_way:
            return self
        body = move.led(self.body)
        return replace(self, body=body, desired=digest_of(body))

    def check_selector(self) -> None:
        """Say what to do where a Deployment would need another selector.

        Raises:
            RefusedByCluster: It has one that cannot be changed.
        """
        if not self.is_deployment or self.live is None:
            return
        if self.live["spec"]["selector"] != self.body["spec"]["selector"]:
            raise RefusedByCluster(
                f"{self.ref} has another selector than this operator gives it, and Kubernetes lets no selector change.",
                remedy=(
                    "Set fullnameOverride to a new name: its Deployment serves until the new one answers, and then "
                    "goes."
                ),
            )

    def event(self, *, was_applied: bool) -> Event | None:
        """What a person would want to see of the write.

        Args:
            was_applied: Whether the same had been applied before, so that another hand was there in between.
        """
        if was_applied and self.uid:
            return Event("DriftRepaired", f"{self.ref} was changed by another hand, and was put back.")
        if was_applied:
            return Event("DriftRepaired", f"{self.ref} was deleted by another hand, and was made again.")
        return None if self.uid else Event("Created", f"{self.ref} created.")

    def observed(self, *, template_differs: bool, has_slot: bool) -> rollout.Observed:
        """The live Deployment as the plan wants to know it."""
        if self.live is None:
            return rollout.Observed(state=None)
        return rollout.Observed(
            state=DeploymentState.of(Child.from_body(self.ref, self.live)),
            live_replicas=int(self.live["spec"].get("replicas", 1)),
            owns_replicas=_owns_replicas(self.live),
            template_differs=template_differs,
            has_slot=has_slot,
        )


@dataclass
class Applied:
    """What a round did.

    Attributes:
        no_slot: Why the pod template's change waits, if it does.
        move: What serves until the wanted Deployment answers; None if the round did not get that far.
        events: What a person would want to see.
    """

    no_slot: NoSlot | None = None
    move: Move | None = None
    events: list[Event] = field(default_factory=list)


def _owns_replicas(live: Mapping[str, Any]) -> bool:
    """Whether our field manager applied the Deployment's count."""
    return any(
        entry.get("manager") == MANAGER
        and entry.get("operation") == "Apply"
        and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        for entry in live["metadata"].get("managedFields") or ()
    )
