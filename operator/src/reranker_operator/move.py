"""From one Deployment to another: the new one first, the former away when the new one answers. Pure.

A Reranker gets another Deployment when its full name changes; a Service gets other pods then, and when a Helm release
hands it over.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .adopt import FULLNAME, is_shadow
from .kinds import AUTOSCALER, DEPLOYMENT, SCALED_OBJECT, SERVICE, Ref, ref_of
from .snapshots import Child, DeploymentState

_LEADING = frozenset({AUTOSCALER.name, SCALED_OBJECT.name, "Ingress", "HTTPRoute", "InterceptorRoute"})
"""Kinds that lead callers to the new pods, or would take their count while nobody calls them."""


@dataclass(frozen=True)
class Move:
    """What has to wait until the wanted Deployment answers; nothing of it once it does.

    Attributes:
        target: The wanted Deployment.
        formers: Names of the Deployments that serve meanwhile.
        services: Services that lead to other pods until then.
        least_count: Replicas that the new Deployment needs to do what the former one does.
    """

    target: Ref
    formers: tuple[str, ...] = ()
    services: tuple[Ref, ...] = ()
    least_count: int = 1

    @property
    def is_under_way(self) -> bool:
        """Whether anything serves in the place of the wanted Deployment."""
        return bool(self.formers or self.services)

    def holds_back(self, ref: Ref) -> bool:
        """Whether an object is applied only when the new Deployment answers."""
        return self.is_under_way and (ref.kind_name in _LEADING or ref in self.services)

    def keeps(self, child: Child) -> bool:
        """Whether an object that the spec no longer asks for stays meanwhile."""
        return child.fullname in self.formers

    def led(self, body: dict[str, Any]) -> dict[str, Any]:
        """A Service that was deleted by hand and has a name of its own, to the pods that serve."""
        is_for_callers = body["spec"].get("clusterIP") != "None" and body["metadata"]["name"] != self.target.name
        if not self.formers or not is_for_callers:
            return body
        led = copy.deepcopy(body)
        led["spec"]["selector"][FULLNAME] = led["metadata"]["labels"][FULLNAME] = self.formers[0]
        return led

    def counted(self, body: dict[str, Any]) -> dict[str, Any]:
        """The Deployment with a count of its own while its autoscaler is held back."""
        if not self.is_under_way or ref_of(body) != self.target or "replicas" in body["spec"]:
            return body
        counted = copy.deepcopy(body)
        counted["spec"]["replicas"] = self.least_count
        return counted


def move_of(wanted: Iterable[dict[str, Any]], children: Iterable[Child], uid: str, handed_over: Iterable[Ref]) -> Move:
    """What is to be waited for.

    Args:
        wanted: The rendered objects.
        children: What belongs to the Reranker by owner or label.
        uid: Of the Reranker.
        handed_over: Services that somebody else has and lets the Reranker take.
    """
    bodies = {body["kind"]: body for body in wanted if not is_shadow(body)}
    children = [child for child in children if child.owner_uid in {uid, ""}]
    target = ref_of(bodies[DEPLOYMENT.name])
    deployments = {child.ref: child for child in children if child.is_workload}
    if _answers(deployments.get(target), bodies[DEPLOYMENT.name]):
        return Move(target)
    formers = [
        child for ref, child in deployments.items() if ref != target and child.owner_uid == uid and _serves(child)
    ]
    names = tuple(sorted(child.ref.name for child in formers))
    led = [
        child.ref
        for child in children
        if child.ref.kind_name == SERVICE.name and child.fullname in names and not child.is_shadow
    ]
    least = _least(bodies)
    count = max([least, *(child.replicas for child in formers)])
    return Move(target, names, tuple(sorted({*led, *handed_over})), count)


def _least(bodies: Mapping[str, Mapping[str, Any]]) -> int:
    """Fewest replicas that an autoscaler will want, one at least: from 0 nothing would answer."""
    scaled, object_ = (bodies.get(kind.name, {"spec": {}})["spec"] for kind in (AUTOSCALER, SCALED_OBJECT))
    return max(1, int(scaled.get("minReplicas", 1)), int(object_.get("minReplicaCount", 1)))


def _answers(child: Child | None, body: Mapping[str, Any]) -> bool:
    if child is None:
        return False
    return DeploymentState.of(child).is_complete(int(body["spec"].get("replicas", child.replicas)))


def _serves(child: Child) -> bool:
    """Whether it answers, or did and may again: one whose first pods never got ready protects nobody."""
    state = DeploymentState.of(child)
    return not child.is_being_deleted and (state.available > 0 or state.has_served)
