"""How a Reranker is: from what the watches keep and what ready pods say. No request is made for it."""

from __future__ import annotations

from typing import Any

from . import trouble
from .adopt import is_workload
from .changes import Applied
from .children import Children
from .clock import Clock
from .errors import OperatorError
from .kinds import AUTOSCALER, CLAIM, JOB, SCALED_OBJECT, SERVICE, ref_of
from .model_change import State
from .model_round import Plan
from .pod_answers import Facts
from .resource import Reranker
from .rollout import Stage, stage
from .situation import ModelSituation, Situation
from .snapshots import Child, DeploymentState
from .tracked import Tracked

_OF_THE_MODEL = {
    State.FETCHING: Stage.FETCHING,
    State.VERIFYING: Stage.VERIFYING,
    State.SHADOWING: Stage.SHADOWING,
}
"""States in which the pods tell nothing of the change."""

_SCALING = (AUTOSCALER.name, SCALED_OBJECT.name)
"""Kinds that decide the count; a Reranker has at most one."""


class Observer:
    """Looks at one Reranker after another.

    Args:
        children: What lives in the cluster.
        facts: What pods say of themselves.
        clock: Time.
        warning: A sentence about the surroundings for every Ready condition; empty when there is none.
    """

    def __init__(self, children: Children, facts: Facts, clock: Clock, warning: str = "") -> None:
        self._children = children
        self._facts = facts
        self._clock = clock
        self._warning = warning

    def situation(
        self,
        tracked: Tracked,
        reranker: Reranker,
        plan: Plan,
        done: Applied,
        error: OperatorError | None,
    ) -> Situation:
        """What is there.

        Args:
            tracked: The record.
            reranker: As it was when the round began.
            plan: What was rendered and decided.
            done: What came of it.
            error: What stopped the round.
        """
        wanted, children = plan.wanted, self._children_of(reranker)
        deployments = [child for child in children if child.is_workload]
        deployment = _workload(deployments, wanted)
        state = DeploymentState.of(deployment) if deployment else None
        count = _count(reranker, wanted, deployment)
        pods = self._children.pods(deployment.uid) if deployment else []
        answering = [pod for each in deployments for pod in self._children.pods(each.uid)]
        fetching = [
            pod for each in children if each.ref.kind_name == JOB.name for pod in self._children.job_pods(each.uid)
        ]
        shadows = [pod for each in children if each.is_shadow for pod in self._children.pods(each.uid)]
        tracked.answers.keep_only({pod.uid for pod in (*answering, *fetching, *shadows)})
        claims = [child for child in children if child.ref.kind_name == CLAIM.name]
        autoscaler = next((child for child in children if child.ref.kind_name in _SCALING), None)
        move = done.move if done.move and done.move.is_under_way else None
        endpoint = str(reranker.status.get("endpoint", ""))
        # Of a spec that was refused there is nothing, or it is somebody else's.
        made = wanted if error is None else []
        return Situation(
            stage=_of_the_model(
                stage(state, count, is_waiting=done.no_slot is not None, is_moving=move is not None), plan
            ),
            count=count,
            deployment=state,
            former_available=sum(DeploymentState.of(each).available for each in deployments if each is not deployment),
            no_slot=done.no_slot,
            move=move,
            facts=self._facts.known(tracked.answers, answering),
            unreached=self._facts.unreached(tracked.answers, answering),
            additions=_additions(children),
            trouble=trouble.of_pods([*pods, *fetching, *shadows], claims, self._clock.stamp()),
            error=error,
            autoscaler=autoscaler.status if autoscaler else None,
            autoscaler_spec=autoscaler.spec if autoscaler else {},
            # What a move leads to is no address yet.
            endpoint=(endpoint if move else "") or _endpoint(made) or endpoint,
            selector=_selector(made) or str(reranker.status.get("selector", "")),
            model=_model(plan),
            warning=self._warning,
            is_suspended=reranker.is_suspended,
        )

    def _children_of(self, reranker: Reranker) -> list[Child]:
        """Its own, and kept data that nobody owns."""
        return [
            child
            for child in self._children.of(reranker.key)
            if child.owner_uid == reranker.uid or (child.is_kept and child.ref.kind.holds_data)
        ]


def _model(plan: Plan) -> ModelSituation | None:
    if plan.decision is None or plan.spec is None:
        return None
    return ModelSituation(plan.decision, plan.spec, is_fetching=plan.is_fetching, percent=plan.percent)


def _of_the_model(of_pods: Stage, plan: Plan) -> Stage:
    """The stage, where the model tells more than the pods."""
    decision = plan.decision
    if decision is None or of_pods is Stage.MOVING:
        return of_pods
    if decision.state is State.ROLLED_BACK:
        return Stage.ROLLED_BACK
    if decision.state in _OF_THE_MODEL:
        return _OF_THE_MODEL[decision.state]
    if plan.is_fetching and of_pods is Stage.ROLLING:
        return Stage.FETCHING
    is_pinned = decision.record.pin is not None and decision.record.pin.version is not None
    return Stage.PINNED if is_pinned and of_pods is Stage.COMPLETE else of_pods


def _additions(children: list[Child]) -> tuple[str, ...]:
    """What others have set, each with the object's name."""
    in_order = sorted(children, key=lambda child: child.ref)
    return tuple(f"{addition} of {child.ref}" for child in in_order for addition in child.additions)


def _workload(deployments: list[Child], wanted: list[dict[str, Any]]) -> Child | None:
    """The Deployment that the spec asks for; where that is not known, the one that answers."""
    refs = [ref_of(body) for body in wanted if is_workload(body)]
    if refs:
        return next((child for child in deployments if child.ref in refs), None)
    return max(deployments, key=lambda child: (DeploymentState.of(child).available, child.version), default=None)


def _count(reranker: Reranker, wanted: list[dict[str, Any]], deployment: Child | None) -> int:
    """Replicas that there should be: the rendered count, or the live one while an autoscaler rules it."""
    body = next((body for body in wanted if is_workload(body)), None)
    if body is not None and "replicas" in body["spec"]:
        return int(body["spec"]["replicas"])
    if deployment is not None:
        return deployment.replicas
    return 1 if reranker.is_autoscaled else int(reranker.spec.get("replicas", 1))


def _endpoint(wanted: list[dict[str, Any]]) -> str:
    """Address of the Service that callers use."""
    for body in wanted:
        if body["kind"] != SERVICE.name or body["spec"].get("clusterIP") == "None":
            continue
        port = next((port["port"] for port in body["spec"]["ports"] if port.get("name") == "http"), None)
        if port is not None:
            ref = ref_of(body)
            return f"http://{ref.name}.{ref.namespace}.svc:{port}"
    return ""


def _selector(wanted: list[dict[str, Any]]) -> str:
    """The pods' labels as the scale subresource wants them."""
    body = next((body for body in wanted if is_workload(body)), None)
    labels = body["spec"]["selector"]["matchLabels"] if body else {}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
