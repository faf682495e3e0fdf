"""One look at a Reranker's model: what is rendered, what lies on the Deployment, what the Job and the pods say."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .adopt import adopt, controller_of, is_workload
from .change_record import RECORD, Record
from .children import Children
from .clock import Clock, seconds_between
from .cluster import Cluster
from .events import Event
from .kinds import CLAIM, JOB, Ref
from .model_change import Asked, Decision, Fetch, FetchStep, Live, Policy, decide, honoured, pinned
from .pod_answers import WHOLE_PERCENT, Downloads, Facts, PodAnswers
from .pods import Pod
from .render import Renderer
from .resource import Reranker
from .shadow import Shadow, ShadowPolicy, joined
from .snapshots import Child, DeploymentState
from .trouble import of_pods
from .versions import SHORTEST_DIGEST, Version, find, shape_of

TEMPLATE_HASH = "pod-template-hash"
"""Label that a Deployment's controller adds to the pods of each ReplicaSet."""

COMPARISON_PAUSE_S = 20.0
"""Before a pod that serves is asked again what the comparison with another version found."""

POLICY = "bge-reranker.io/rollout"
"""Annotation of the Deployment by which the chart says how pods are replaced."""


@dataclass(frozen=True)
class Plan:
    """What a round is to do.

    Attributes:
        wanted: The objects, adopted.
        decision: About the model; None where the chart does not say versions.
        spec: The version that the spec names.
        percent: How much of a download is done; None if nobody says.
        is_fetching: Whether a new pod is at its download.
    """

    wanted: list[dict[str, Any]]
    decision: Decision | None = None
    spec: Version | None = None
    percent: int | None = None
    is_fetching: bool = False

    @property
    def pinned(self) -> Version | None:
        """The version that an annotation asks for in the place of the spec's."""
        pin = self.decision.record.pin if self.decision is not None else None
        return pin.version if pin is not None else None

    def begun(self, body: dict[str, Any]) -> dict[str, Any]:
        """The Deployment with the record of a change whose pod template is applied now."""
        decision = self.decision
        return _recorded(body, decision.record) if decision is not None and decision.begins else body


class ModelRounds:
    """Plans rounds.

    Args:
        cluster: Asked for a Deployment that is not known.
        renderer: The chart.
        children: What lives in the cluster.
        downloads: How far fetches are.
        facts: What pods say of themselves.
        clock: Time.
    """

    def __init__(
        self,
        cluster: Cluster,
        renderer: Renderer,
        children: Children,
        downloads: Downloads,
        facts: Facts,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._renderer = renderer
        self._children = children
        self._downloads = downloads
        self._facts = facts
        self._clock = clock

    async def plan(self, reranker: Reranker, answers: PodAnswers) -> Plan:
        """What is to be done now.

        Args:
            reranker: As it was when the round began.
            answers: What its pods said.

        Raises:
            OperatorError: It could not be rendered, or the API server did not answer.
        """
        plain = rendered = await self._render(reranker)
        template, spec = _template(rendered), Version.of_template(_template(rendered))
        if spec is None:
            return Plan(adopt(rendered, reranker))
        child = await self._deployment(reranker, _deployment_of(rendered))
        record = honoured(Record.parse(child.record if child else ""), reranker.retry)
        was_pinned = record.pin
        record = pinned(record, reranker.rollback, spec, self._meant(reranker, child))
        version = spec
        if record.pin is not None and record.pin.version is not None:
            rendered = await self._render(reranker, record.pin.version)
            template = _template(rendered)
            version = Version.of_template(template) or spec
        asked = Asked(version, shape_of(template), _policy(rendered, is_pinned=version != spec))
        claims = [each for each in self._children.of(reranker.key) if each.ref.kind_name == CLAIM.name]
        newest = self._newest(child)
        live = self._live(child, newest, claims)
        fetch, fetching = await self._fetch(reranker, asked, live, claims, answers)
        shadow = self._shadow(reranker, asked, child, claims, answers)
        decision = decide(asked, record, live, fetch, self._clock.stamp(), shadow)
        if record.pin is not None and record.pin.version is None and record.pin != was_pinned:
            decision = replace(decision, events=(*decision.events, _unknown(record.pin.asked)))
        decision, objects = await self._rendered(reranker, plain, decision, child)
        pods = fetching or [pod for pod in newest if pod.is_fetching]
        return Plan(
            objects,
            decision,
            spec,
            self._downloads.percent(answers, pods),
            is_fetching=bool(newest) and not any(pod.is_ready for pod in newest) and bool(pods),
        )

    async def _render(
        self,
        reranker: Reranker,
        version: Version | None = None,
        *,
        fetches: Version | None = None,
        shadows: Version | None = None,
        mode: str | None = None,
        is_ungated: bool = False,
    ) -> list[dict[str, Any]]:
        values = reranker.values(
            model=version.model if version else None,
            fetch=fetches.model if fetches else None,
            shadow=shadows.model if shadows else None,
            mode=mode,
            is_ungated=is_ungated,
        )
        return await self._renderer.render(reranker.key, values)

    async def _rendered(
        self, reranker: Reranker, plain: list[dict[str, Any]], decision: Decision, child: Child | None
    ) -> tuple[Decision, list[dict[str, Any]]]:
        """The objects that a decision asks for, with the record on the Deployment.

        Args:
            reranker: As it was when the round began.
            plain: What the spec alone renders to.
            decision: About the model.
            child: The Deployment as it is.
        """
        is_there = child is not None and child.model == decision.version
        former = await self._former_template(child, decision) if decision.restores and not is_there else None
        if decision.restores and is_there:
            decision = replace(decision, holds_template=True)
        spec = Version.of_template(_template(plain))
        is_the_spec_s = spec is not None and decision.version.ungated == spec.ungated
        # The template is another one's: all else is as the spec has it.
        is_as_spec = is_the_spec_s or former is not None or (decision.restores and is_there)
        version = None if is_as_spec else decision.version
        options: dict[str, Any] = {
            "fetches": decision.fetches,
            "shadows": decision.shadows,
            "mode": decision.mode,
        }
        if version is None and not any(options.values()):
            rendered = plain
        else:
            # What served before need not pass the gate of the version that failed.
            rendered = await self._render(
                reranker, version, is_ungated=version is not None and decision.restores, **options
            )
        if former is None and not decision.holds_template:
            decision = decision.named(Version.of_template(_template(rendered)) or decision.version)
        return decision, _with_deployment(adopt(rendered, reranker), decision.held_record, former)

    async def _former_template(self, child: Child | None, decision: Decision) -> dict[str, Any] | None:
        """The pod template that had a version, as its ReplicaSet keeps it; None if that is gone."""
        ref = self._children.replica_set(child, decision.version) if child is not None else None
        found = await self._cluster.read(ref) if ref is not None else None
        if found is None:
            return None
        template = copy.deepcopy(found["spec"]["template"])
        template["metadata"].get("labels", {}).pop(TEMPLATE_HASH, None)
        return dict(template)

    async def _deployment(self, reranker: Reranker, body: dict[str, Any]) -> Child | None:
        """The Deployment of this Reranker, as far as it has one."""
        ref = Ref(body["apiVersion"], body["kind"], reranker.namespace, body["metadata"]["name"])
        child = self._children.child(ref)
        if child is None:
            # After a write that failed it is not known any more, and what lies on it must not be lost.
            live = await self._cluster.read(ref)
            owner = controller_of(live) if live else None
            if live is None or owner is None or owner["uid"] != reranker.uid:
                return None
            self._children.put(ref, live)
            child = self._children.child(ref)
        return child if child is not None and child.owner_uid == reranker.uid else None

    def _meant(self, reranker: Reranker, child: Child | None) -> Version | None:
        """The version that the annotation means: one of a ReplicaSet, or of the history in the status by its digest."""
        text, kept = reranker.rollback, [each.ungated for each in (self._children.versions(child) if child else [])]
        for each in reranker.status.get("history") or ():
            if len(text) >= SHORTEST_DIGEST and str(each.get("digest", "")).startswith(text):
                told = Version(source=str(each.get("source", "")), revision=str(each.get("revision", "")))
                same = (one for one in kept if (one.source, one.revision) == (told.source, told.revision))
                return next(same, told)
        return find(text, kept) if text else None

    def _newest(self, child: Child | None) -> list[Pod]:
        """The pods of the newest template, once its controller has seen it."""
        if child is None or not DeploymentState.of(child).is_observed:
            return []
        return self._children.newest_pods(child)

    def _live(self, child: Child | None, newest: list[Pod], claims: list[Child]) -> Live | None:
        if child is None or child.model is None:
            return None
        state, now = DeploymentState.of(child), self._clock.stamp()
        found = of_pods(newest, claims, now)
        waits = [seconds_between(pod.unscheduled_since, now) for pod in newest if pod.unscheduled_since]
        starts = [pod.start_s for pod in self._children.pods(child.uid) if pod.start_s is not None]
        return Live(
            version=child.model,
            is_complete=state.is_complete(child.replicas),
            has_served=state.available > 0 or state.has_served,
            timed_out_at=state.progressed_at if state.is_observed and state.is_stuck else "",
            trouble=found,
            unschedulable_s=max(waits) if waits and found is not None and found.code == "Unschedulable" else None,
            has_former=state.replicas > state.updated,
            start_s=max(starts, default=None),
            feeds=child.feeds,
        )

    async def _fetch(
        self, reranker: Reranker, asked: Asked, live: Live | None, claims: list[Child], answers: PodAnswers
    ) -> tuple[Fetch, list[Pod]]:
        """How far the Job is, and its pods; nothing where pods fetch for themselves, or have the version already."""
        if live is None or live.version.ungated == asked.version.ungated:
            return Fetch(), []
        rendered = await self._render(reranker, asked.version, fetches=asked.version)
        body = next((each for each in rendered if each["kind"] == JOB.name), None)
        if body is None:
            return Fetch(), []
        job = self._children.child(Ref(JOB.api_version, JOB.name, reranker.namespace, str(body["metadata"]["name"])))
        if job is None or job.is_being_deleted or job.owner_uid != reranker.uid:
            return Fetch(FetchStep.RUNNING), []
        pods = self._children.job_pods(job.uid)
        is_done = self._downloads.percent(answers, pods) == WHOLE_PERCENT
        return Fetch(_step(job, is_checking=is_done), of_pods(pods, claims, self._clock.stamp())), pods

    def _shadow(
        self, reranker: Reranker, asked: Asked, child: Child | None, claims: list[Child], answers: PodAnswers
    ) -> Shadow:
        """The wanted version beside the one that serves, as far as it is there and its comparison is about it."""
        children = self._children.of(reranker.key)
        found = next(
            (each for each in children if each.is_shadow and each.owner_uid == reranker.uid and each.model), None
        )
        if asked.policy.shadow is None or found is None or found.is_being_deleted or found.model != asked.version:
            return Shadow()
        state, pods = DeploymentState.of(found), self._newest(found)
        digests = {facts.digest for facts in self._facts.known(answers, pods)}
        serving = self._children.pods(child.uid) if child is not None else []
        said = [facts.shadow for facts in self._facts.known(answers, serving, COMPARISON_PAUSE_S) if facts.shadow]
        comparisons, tau, drift = joined(each for each in said if each.digest in digests)
        return Shadow(
            is_ready=any(pod.is_ready for pod in pods),
            trouble=of_pods(pods, claims, self._clock.stamp()),
            is_overdue=state.is_observed and state.is_stuck,
            comparisons=comparisons,
            kendall_tau=tau,
            score_drift=drift,
        )


def _step(job: Child, *, is_checking: bool) -> FetchStep:
    conditions = {each["type"] for each in job.status.get("conditions") or () if each.get("status") == "True"}
    if "Complete" in conditions:
        return FetchStep.DONE
    if "Failed" in conditions:
        return FetchStep.OVERDUE
    return FetchStep.CHECKING if is_checking else FetchStep.RUNNING


def _deployment_of(rendered: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return next(body for body in rendered if is_workload(body))


def _template(rendered: Iterable[dict[str, Any]]) -> dict[str, Any]:
    template: dict[str, Any] = _deployment_of(rendered)["spec"]["template"]
    return template


def _policy(rendered: Iterable[dict[str, Any]], *, is_pinned: bool) -> Policy:
    """What the chart says; a version that somebody asks for by name has served before, and is wanted soon."""
    said = json.loads((_deployment_of(rendered)["metadata"].get("annotations") or {}).get(POLICY, "{}"))
    known = Policy()
    return Policy(
        mode=str(said.get("mode", known.mode)),
        allow_downtime=bool(said.get("allowDowntime", known.allow_downtime)),
        surge_wait_s=float(said.get("surgeWaitSeconds", known.surge_wait_s)),
        deadline_s=float(said.get("progressDeadlineSeconds", known.deadline_s)),
        shadow=_shadow_policy(said["shadow"]) if said.get("shadow") and not is_pinned else None,
    )


def _shadow_policy(said: dict[str, Any]) -> ShadowPolicy:
    known = ShadowPolicy()
    return ShadowPolicy(
        min_duration_s=float(said.get("minDurationSeconds", known.min_duration_s)),
        min_comparisons=int(said.get("minComparisons", known.min_comparisons)),
        min_kendall_tau=_number(said.get("minKendallTau")),
        max_drift=_number(said.get("maxDrift")),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _recorded(body: dict[str, Any], record: Record) -> dict[str, Any]:
    """The Deployment with the record, if there is anything to remember."""
    metadata, text = body["metadata"], record.text()
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != RECORD}
    return {**body, "metadata": {**metadata, "annotations": annotations | ({RECORD: text} if text else {})}}


def _with_deployment(
    objects: list[dict[str, Any]], record: Record, template: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """The objects with the record on the Deployment, and another pod template if there is one."""
    index = next(index for index, body in enumerate(objects) if is_workload(body))
    body = _recorded(objects[index], record)
    if template is not None:
        body = {**body, "spec": {**body["spec"], "template": template}}
    return [*objects[:index], body, *objects[index + 1 :]]


def _unknown(text: str) -> Event:
    what = f"The annotation asks for the version {text[:200]!r}, which is none that was kept."
    remedy = "Name one by source, revision or digest, as status.history has them."
    return Event("RollbackUnknown", f"{what} {remedy}", is_warning=True)
