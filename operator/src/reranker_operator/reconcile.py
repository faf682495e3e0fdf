"""One round of work on one Reranker: render, adopt, apply, prune, observe, report."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import rollout, status, trouble
from .adopt import adopt
from .apply import Applied, Applier
from .children import Children
from .cluster import Cluster, Event
from .errors import Delay, FormerChild, OperatorError, OperatorFault
from .kinds import AUTOSCALER, CLAIM, DEPLOYMENT, SERVICE, ref_of
from .metrics import Metrics
from .pod_facts import FactsBook
from .render import Renderer
from .resource import Key, Reranker
from .snapshots import Child, DeploymentState
from .spec_limits import AllowedNames

LOG = logging.getLogger(__name__)

WAITING_PAUSE_S = 2.0
"""Between looks for a free slot; they cost no request."""

LOOKS_UNTIL_STALLED = 5
"""Looks at a change's progress until it may be held for stalled."""

FORMER_CHILD_PAUSE_S = 1.0
"""Between looks whether the garbage collector is done."""

HELD_CHILD_PAUSE_S = 15.0
"""The same where a finalizer of somebody else holds it; its end is told by the watch."""

_REPORT_IT = "It is tried again; report what the operator's log says of it as internal_error."

SAME_EVENT_PAUSE_S = 600.0
"""An event of the same reason for the same generation is not repeated within this."""


@dataclass(frozen=True)
class Clock:
    """Time as the reconciler needs it.

    Attributes:
        seconds: Monotonic.
        stamp: Now as RFC 3339.
    """

    seconds: Callable[[], float]
    stamp: Callable[[], str]


@dataclass
class _Memory:
    """What is kept of one Reranker between rounds: only to do less, never to decide.

    Attributes:
        uid: Whose it is: a namesake that comes later has none of it.
        written: The status that was last written, which the watch may not have told of yet.
        told: When an event was posted, by its words and the generation.
        logged: The error that was last logged, so that one that lasts is not logged with every round.
    """

    uid: str
    written: Mapping[str, Any] | None = None
    written_version: int = 0
    told: dict[tuple[str, int], float] = field(default_factory=dict)
    logged: str = ""


class Reconciler:
    """Makes Rerankers true.

    Args:
        cluster: Requests.
        children: What lives there, kept current by watches.
        renderer: The chart.
        applier: Gets objects into the cluster.
        facts: What pods say of themselves.
        metrics: Told of rounds.
        clock: Time.
        resync_s: Pause when all is well.
        allowed: What Rerankers may name.
        warning: A sentence about the surroundings for every Ready condition; empty when there is none.
    """

    def __init__(
        self,
        cluster: Cluster,
        children: Children,
        renderer: Renderer,
        applier: Applier,
        facts: FactsBook,
        metrics: Metrics,
        clock: Clock,
        resync_s: float,
        allowed: AllowedNames,
        warning: str = "",
    ) -> None:
        self._cluster = cluster
        self._children = children
        self._renderer = renderer
        self._applier = applier
        self._facts = facts
        self._metrics = metrics
        self._clock = clock
        self._resync_s = resync_s
        self._allowed = allowed
        self.warning = warning
        self._memory: dict[Key, _Memory] = {}

    async def reconcile(self, reranker: Reranker) -> float | None:
        """Do one round.

        Returns:
            Seconds until the next look without being called; None for growing pauses; infinity if it turned out to be
            gone.
        """
        if reranker.is_being_deleted:
            self._applier.stand_down(reranker.key)
            return await self._until_gone_s(reranker)
        wanted: list[dict[str, Any]] = []
        done = Applied()
        error: OperatorError | None = None
        try:
            if reranker.is_suspended:
                self._applier.stand_down(reranker.key)
            else:
                self._allowed.check(reranker.spec)
                wanted = adopt(await self._renderer.render(reranker.key, reranker.values()), reranker)
                done = await self._applier.apply(reranker, wanted)
        except OperatorError as problem:
            error = problem
        except Exception as bug:
            LOG.exception("internal_error", extra=_named(reranker))
            error = OperatorFault(f"The operator met a {type(bug).__name__} that it did not expect.", remedy=_REPORT_IT)
        if error is not None:
            self._applier.withdraw(reranker.key)
            self._metrics.errors.labels(error.code).inc()
        self._log(reranker, error)
        situation = self._look(reranker, wanted, done, error)
        pause_s = self._pause_s(reranker, error, done)
        try:
            if not await self._say(reranker, situation, done):
                # Nobody told of its end: a list that is made anew tells only of what there is.
                pause_s = math.inf
        except OperatorError as problem:
            self._metrics.errors.labels("StatusNotWritten").inc()
            LOG.warning("status_not_written", extra={**_named(reranker), "error": problem.sentence()})
            pause_s = None
        self._metrics.reconciles.labels("error" if error else "waiting" if done.no_slot else "done").inc()
        return pause_s

    def _log(self, reranker: Reranker, error: OperatorError | None) -> None:
        """Say what stopped the round, once for as long as it stays the same."""
        memory, said = self._remembered(reranker), error.sentence() if error is not None else ""
        if error is not None and said != memory.logged:
            LOG.warning("reconcile_failed", extra={**_named(reranker), "reason": error.code, "error": said})
        memory.logged = said

    async def _until_gone_s(self, reranker: Reranker) -> float | None:
        """Pause while a Reranker is being deleted; nothing is written of it that would tell of its end."""
        try:
            return self._resync_s if await self._cluster.is_there(reranker) else math.inf
        except OperatorError as problem:
            self._metrics.errors.labels(problem.code).inc()
            LOG.warning("end_not_seen", extra={**_named(reranker), "error": problem.sentence()})
            return None

    def forget(self, key: Key) -> None:
        """A Reranker is gone, or another operator's; between rounds, of which one that still runs would remember it."""
        self._memory.pop(key, None)
        self._metrics.tell_state(key, None)
        self._applier.forget(key)

    def _pause_s(self, reranker: Reranker, error: OperatorError | None, done: Applied) -> float | None:
        if isinstance(error, FormerChild):
            return HELD_CHILD_PAUSE_S if error.needs_person else FORMER_CHILD_PAUSE_S
        if isinstance(error, Delay):
            return error.retry_after_s
        if done.no_slot is not None:
            return WAITING_PAUSE_S
        # A download moves no watch, and is seen when it is looked at.
        stall_s = self._applier.stall_s / LOOKS_UNTIL_STALLED
        return min(self._resync_s, stall_s) if self._applier.is_changing(reranker.key) else self._resync_s

    def _look(
        self, reranker: Reranker, wanted: list[dict[str, Any]], done: Applied, error: OperatorError | None
    ) -> status.Situation:
        """What is there, from what the watches keep and what ready pods say."""
        children = [
            child
            for child in self._children.of(reranker.key)
            if child.owner_uid == reranker.uid or (child.is_kept and child.ref.kind.holds_data)
        ]
        deployments = [child for child in children if child.ref.kind_name == DEPLOYMENT.name]
        deployment = _workload(deployments, wanted)
        state = DeploymentState.of(deployment) if deployment else None
        count = _count(reranker, wanted, deployment)
        pods = self._children.pods(deployment.uid) if deployment else []
        answering = [pod for each in deployments for pod in self._children.pods(each.uid)]
        claims = [child for child in children if child.ref.kind_name == CLAIM.name]
        autoscaler = _first(children, AUTOSCALER.name)
        move = done.move if done.move and done.move.is_under_way else None
        endpoint = str(reranker.status.get("endpoint", ""))
        # Of a spec that was refused there is nothing, or it is somebody else's.
        made = wanted if error is None else []
        return status.Situation(
            stage=rollout.stage(state, count, is_waiting=done.no_slot is not None, is_moving=move is not None),
            count=count,
            deployment=state,
            former_available=sum(DeploymentState.of(each).available for each in deployments if each is not deployment),
            no_slot=done.no_slot,
            move=move,
            facts=self._facts.known(reranker.key, answering),
            unreached=self._facts.unreached(answering),
            additions=tuple(f"{said} of {child.ref}" for child in _in_order(children) for said in child.additions),
            trouble=trouble.of_pods(pods, claims, self._clock.stamp()),
            error=error,
            autoscaler=autoscaler.status if autoscaler else None,
            # What a move leads to is no address yet.
            endpoint=(endpoint if move else "") or _endpoint(made) or endpoint,
            selector=_selector(made) or str(reranker.status.get("selector", "")),
            warning=self.warning,
            is_suspended=reranker.is_suspended,
        )

    async def _say(self, reranker: Reranker, situation: status.Situation, done: Applied) -> bool:
        """Write the status if it changed, and post what a person would want to see; False if nobody is there any more.

        Raises:
            OperatorError: It could not be said.
        """
        memory = self._remembered(reranker)
        if memory.written is not None and reranker.version < memory.written_version:
            reranker = _with_status(reranker, memory.written)
        wanted = status.status_of(reranker, situation, self._clock.stamp())
        ready = next(each for each in wanted["conditions"] if each["type"] == "Ready")
        self._metrics.tell_state(reranker.key, ready["reason"])
        events = [*_joined(done.events), *_turns(reranker.status, wanted)]
        if wanted != reranker.status:
            version = await self._cluster.write_status(reranker, wanted)
            if version is None:
                return False
            memory.written, memory.written_version = wanted, int(version)
            self._metrics.writes.labels("status").inc()
        elif not self._has_children(reranker) and not await self._cluster.is_there(reranker):
            # No child's end will change the status, so that a write would find out.
            return False
        for event in events:
            await self._post(reranker, event, memory.told)
        return True

    def _has_children(self, reranker: Reranker) -> bool:
        return any(child.owner_uid == reranker.uid for child in self._children.of(reranker.key))

    async def _post(self, reranker: Reranker, event: Event, told: dict[tuple[str, int], float]) -> None:
        now, words = self._clock.seconds(), (event.reason + event.message, reranker.generation)
        if now - told.get(words, -SAME_EVENT_PAUSE_S) < SAME_EVENT_PAUSE_S:
            return
        for old in [each for each, at in told.items() if now - at >= SAME_EVENT_PAUSE_S]:
            del told[old]
        told[words] = now
        await self._cluster.emit(reranker, event)

    def _remembered(self, reranker: Reranker) -> _Memory:
        memory = self._memory.get(reranker.key)
        if memory is None or memory.uid != reranker.uid:
            memory = self._memory[reranker.key] = _Memory(reranker.uid)
        return memory


def _joined(events: list[Event]) -> list[Event]:
    """One event for all of a reason."""
    messages: dict[str, list[str]] = {}
    for event in events:
        messages.setdefault(event.reason, []).append(event.message)
    return [Event(reason, " ".join(words)) for reason, words in messages.items()]


def _turns(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Event]:
    """Events when the reason of the Ready condition is another one than before, or others have added more."""
    former = {each["type"]: each for each in before.get("conditions") or ()}
    latter = {each["type"]: each for each in after["conditions"]}
    found, ready, drifted = [], latter["Ready"], latter["Drifted"]
    if former.get("Ready", {}).get("reason") != ready["reason"]:
        is_warning = "lastFailure" in after or latter["Stalled"]["status"] == "True"
        is_warning = is_warning and ready["reason"] != "Suspended"
        found.append(Event(ready["reason"], ready["message"], is_warning=is_warning))
    if drifted["status"] == "True" and former.get("Drifted", {}).get("message") != drifted["message"]:
        found.append(Event("Drifted", drifted["message"], is_warning=True))
    return found


def _with_status(reranker: Reranker, written: Mapping[str, Any]) -> Reranker:
    return Reranker(**{**vars(reranker), "status": written})


def _named(reranker: Reranker) -> dict[str, Any]:
    return {"namespace": reranker.namespace, "reranker": reranker.name, "generation": reranker.generation}


def _first(children: list[Child], kind_name: str) -> Child | None:
    return next((child for child in children if child.ref.kind_name == kind_name), None)


def _in_order(children: list[Child]) -> list[Child]:
    return sorted(children, key=lambda child: child.ref)


def _workload(deployments: list[Child], wanted: list[dict[str, Any]]) -> Child | None:
    """The Deployment that the spec asks for; where that is not known, the one that answers."""
    refs = [ref_of(body) for body in wanted if body["kind"] == DEPLOYMENT.name]
    if refs:
        return next((child for child in deployments if child.ref in refs), None)
    return max(deployments, key=lambda child: (DeploymentState.of(child).available, child.version), default=None)


def _count(reranker: Reranker, wanted: list[dict[str, Any]], deployment: Child | None) -> int:
    """Replicas that there should be: the rendered count, or the live one while an autoscaler rules it."""
    body = next((body for body in wanted if body["kind"] == DEPLOYMENT.name), None)
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
    body = next((body for body in wanted if body["kind"] == DEPLOYMENT.name), None)
    labels = body["spec"]["selector"]["matchLabels"] if body else {}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
