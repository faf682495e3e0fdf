"""Getting rendered objects into the cluster: what differs, what is allowed, what is changed, what goes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import rollout
from .adopt import MANAGER, check_ownership, is_handed_over
from .applied_fields import applied_part
from .children import Children
from .cluster import Cluster, Event
from .drift import HANDOVER_MANAGER
from .errors import Contended, OperatorError, RefusedByCluster
from .kinds import DEPLOYMENT, SERVICE, Ref, ref_of
from .metrics import Metrics
from .move import Move, move_of
from .pod_facts import Downloads
from .resource import Key, Reranker
from .slots import NoSlot, Rollout, Slots, progress_of
from .snapshots import Child, DeploymentState, digest_of, fingerprint

LOG = logging.getLogger(__name__)

HAND_OVER_TRIES = 5
"""Times that a count is read afresh when an autoscaler writes in between."""


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
        return self.ref.kind_name == DEPLOYMENT.name

    def pinned(self) -> dict[str, Any]:
        """The body, refused should another object have the name by then."""
        if not self.uid:
            return self.body
        return {**self.body, "metadata": {**self.body["metadata"], "uid": self.uid}}


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


class Applier:
    """Applies one Reranker's objects; knows what it applied before, so that an idle round writes nothing.

    Args:
        cluster: Where to.
        children: What lives there.
        slots: Who may change its pods now.
        downloads: How far the models are that pods fetch.
        metrics: Told of every write.
    """

    def __init__(
        self, cluster: Cluster, children: Children, slots: Slots, downloads: Downloads, metrics: Metrics
    ) -> None:
        self._cluster = cluster
        self._children = children
        self._slots = slots
        self._downloads = downloads
        self._metrics = metrics
        self._applied: dict[Ref, tuple[bytes, bytes]] = {}
        self._held: dict[Ref, tuple[bytes, bytes]] = {}
        self._knows_fleet = False

    async def apply(self, reranker: Reranker, wanted: list[dict[str, Any]]) -> Applied:
        """Make the cluster have what is wanted, and nothing of ours beside it.

        Raises:
            OperatorError: Something is in the way. If there was a workload, nothing of it was touched by a refusal.
        """
        self._see_fleet()
        self._see(reranker.key)
        try:
            return await self._apply(reranker, wanted)
        except OperatorError:
            # Whoever cannot use a slot is not in the way of those who can.
            self._slots.leave(reranker.key)
            raise

    async def _apply(self, reranker: Reranker, wanted: list[dict[str, Any]]) -> Applied:
        done = Applied()
        services = [body for body in wanted if body["kind"] == SERVICE.name]
        changes = [each for body in services for each in await self._changes(reranker, body)]
        handed_over = [each.ref for each in changes if each.live is not None and is_handed_over(each.live, reranker)]
        move = done.move = move_of(wanted, self._children.of(reranker.key), reranker.uid, handed_over)
        changes = [_until_moved(each, move) for each in changes]
        for body in (move.counted(each) for each in wanted if each not in services):
            if not self._still_waits(reranker.key, body, done):
                changes += await self._changes(reranker, body)
        order = [ref_of(body) for body in wanted]
        changes = sorted(
            (each for each in changes if not move.holds_back(each.ref)), key=lambda each: order.index(each.ref)
        )
        differs = await self._check_first(changes, move)
        for change in changes:
            if change.is_deployment:
                await self._roll(reranker.key, change, done, template_differs=differs)
            else:
                await self._put(change, done)
        await self._prune(reranker, set(order), done)
        return done

    def forget(self, key: Key) -> None:
        """A Reranker is gone."""
        self._slots.forget(key)
        for known in (self._applied, self._held):
            for ref in [ref for ref in known if self._belongs(ref, key)]:
                del known[ref]

    def stand_down(self, key: Key) -> None:
        """A Reranker is left as it is for now: it needs no slot."""
        self._slots.forget(key)

    def withdraw(self, key: Key) -> None:
        """What a Reranker wants is not known now: it does not wait for a slot."""
        self._slots.leave(key)

    def is_changing(self, key: Key) -> bool:
        """Whether a change of its pods is under way, whose progress wants to be seen."""
        return self._rollout_of(key) is not None

    @property
    def stall_s(self) -> float:
        """Time without progress after which a change gives its slot back."""
        return self._slots.stall_s

    def _see_fleet(self) -> None:
        """See how far each rollout is; all of them once, since others are under way when a process begins."""
        if not self._knows_fleet:
            self._knows_fleet = True
            for key in {child.key for child in self._children.everywhere(DEPLOYMENT)}:
                self._slots.see(key, self._rollout_of(key))
        for key in self._slots.under_way():
            self._see(key)

    def _see(self, key: Key) -> None:
        """What a controller has not looked at yet may be a count alone: what was known of it stays until then."""
        if all(DeploymentState.of(child).is_observed for child in self._deployments(key)):
            self._slots.see(key, self._rollout_of(key))

    def _deployments(self, key: Key) -> list[Child]:
        """Those that a Reranker controls: one that only bears its labels takes no slot from anybody."""
        return [child for child in self._children.of(key) if child.ref.kind_name == DEPLOYMENT.name and child.owner_uid]

    def _rollout_of(self, key: Key) -> Rollout | None:
        for child in self._deployments(key):
            state = DeploymentState.of(child)
            if state.is_changing:
                pods = self._children.pods(child.uid)
                fetched_bytes = self._downloads.fetched_bytes(key, pods)
                return Rollout(state.revision, progress_of(state, pods, fetched_bytes))
        return None

    def _owned(self, reranker: Reranker) -> list[Child]:
        return [child for child in self._children.of(reranker.key) if child.owner_uid == reranker.uid]

    def _belongs(self, ref: Ref, key: Key) -> bool:
        child = self._children.child(ref)
        return ref.namespace == key.namespace and (child is None or child.key == key)

    async def _changes(self, reranker: Reranker, body: dict[str, Any]) -> list[Change]:
        """What is to be done about one object; nothing if it is as it was left."""
        ref, desired = ref_of(body), digest_of(body)
        child = self._children.child(ref)
        if child is not None and self._applied.get(ref) == (desired, child.fingerprint) and not child.is_being_deleted:
            return []
        if child is not None and child.owner_uid == reranker.uid and ref.kind_name != DEPLOYMENT.name:
            return [Change(ref, body, desired, live=None, uid=child.uid)]
        live = await self._cluster.read(ref)
        if live is None:
            self._children.drop(ref)
            return [Change(ref, body, desired, live=None, uid="")]
        check_ownership(live, reranker)
        return [Change(ref, body, desired, live=live, uid=live["metadata"]["uid"])]

    async def _check_first(self, changes: list[Change], move: Move) -> bool:
        """Have the API server judge every change of an existing workload before the first is made.

        Returns:
            Whether the Deployment's pod template would change.
        """
        is_existing = any(change.is_deployment and change.live is not None for change in changes)
        if not is_existing and not move.is_under_way:
            return False
        differs = False
        for change in changes:
            _check_selector(change)
            judged = await self._cluster.apply(change.pinned(), dry_run=True)
            if change.is_deployment and change.live is not None:
                differs = judged["spec"]["template"] != change.live["spec"]["template"]
        return differs

    async def _roll(self, key: Key, change: Change, done: Applied, *, template_differs: bool) -> None:
        """Do what the plan says about the Deployment."""
        if template_differs:
            done.no_slot = self._slots.take(key)
        else:
            self._slots.leave(key)
        try:
            observed = self._observed(change, template_differs=template_differs, has_slot=done.no_slot is None)
            for action in rollout.plan(self._wanted(change), observed):
                match action:
                    case rollout.HandOver():
                        await self._hand_over(change, done)
                    case rollout.Apply(holds_template=True):
                        await self._put_without_template(change, done)
                    case rollout.Apply():
                        await self._put(change, done)
        finally:
            if template_differs and done.no_slot is None:
                self._slots.begin(key, self._rollout_of(key))

    def _wanted(self, change: Change) -> rollout.Wanted:
        return rollout.Wanted(change.body["spec"].get("replicas"))

    def _observed(self, change: Change, *, template_differs: bool, has_slot: bool) -> rollout.Observed:
        if change.live is None:
            return rollout.Observed(state=None)
        return rollout.Observed(
            state=DeploymentState.of(Child.from_body(change.ref, change.live)),
            live_replicas=int(change.live["spec"].get("replicas", 1)),
            owns_replicas=_owns_replicas(change.live),
            template_differs=template_differs,
            has_slot=has_slot,
        )

    def _seen(self, ref: Ref) -> bytes:
        child = self._children.child(ref)
        return child.fingerprint if child else b""

    def _still_waits(self, key: Key, body: dict[str, Any], done: Applied) -> bool:
        """Whether a Deployment whose template waits is as it was left, and there is no slot still."""
        ref = ref_of(body)
        if ref not in self._held or self._slots.is_open(key):
            return False
        if self._held[ref] != (digest_of(body), self._seen(ref)):
            return False
        done.no_slot = self._slots.take(key)
        return True

    async def _put_without_template(self, change: Change, done: Applied) -> None:
        """Apply the Deployment with the pod template that we applied last: what others added to it stays theirs."""
        template = applied_part(change.live or {}, MANAGER, "template")
        if template is None:
            return
        body = {**change.body, "spec": {**change.body["spec"], "template": template}}
        await self._put(replace(change, body=body), done)
        self._applied.pop(change.ref)
        self._held[change.ref] = (change.desired, self._seen(change.ref))

    async def _hand_over(self, change: Change, done: Applied) -> None:
        """Let another field manager hold the live count, so that it does not fall to 1 when we stop naming one.

        From 0 on an autoscaler does nothing, so it gets one replica, which nobody else is at.
        """
        body, live = change.body, change.live
        if live is None:
            raise RuntimeError("a Deployment that is not there has no count to hand over; this is a bug")
        for last in [False] * (HAND_OVER_TRIES - 1) + [True]:
            found = int(live["spec"].get("replicas", 1))
            count = max(1, found)
            metadata = {"name": body["metadata"]["name"], "namespace": body["metadata"]["namespace"], "uid": change.uid}
            held = {
                "apiVersion": body["apiVersion"],
                "kind": body["kind"],
                "metadata": metadata,
                "spec": {"replicas": count},
            }
            try:
                await self._cluster.apply(held, manager=HANDOVER_MANAGER, force=found == 0)
            except Contended:
                fresh = await self._cluster.read(change.ref)
                if last or fresh is None:
                    raise
                live = fresh
                continue
            done.events.append(Event("ReplicasHandedOver", f"{count} replicas are the autoscaler's to change now."))
            return

    async def _put(self, change: Change, done: Applied) -> None:
        known, before = self._applied.get(change.ref) or self._held.get(change.ref), self._seen(change.ref)
        try:
            result = await self._cluster.apply(change.pinned())
        except OperatorError:
            # Whatever is remembered of it may be what misled us.
            self._applied.pop(change.ref, None)
            self._held.pop(change.ref, None)
            if change.uid:
                self._children.drop(change.ref)
            raise
        self._metrics.writes.labels(change.ref.kind_name).inc()
        self._applied[change.ref] = (change.desired, fingerprint(result))
        self._held.pop(change.ref, None)
        self._children.put(change.ref, result)
        event = _event_of(change, was_applied=known is not None and known[0] == change.desired)
        if event is not None and change.uid and before == fingerprint(result):
            # What another hand added beside ours stays.
            LOG.info("reapplied", extra={"object": str(change.ref), "namespace": change.ref.namespace})
        elif event is not None:
            done.events.append(event)

    async def _prune(self, reranker: Reranker, wanted: set[Ref], done: Applied) -> None:
        """Delete what is ours and not wanted any more; never what holds data, or what serves in the meantime."""
        for child in self._owned(reranker):
            is_kept = child.ref.kind.holds_data or (done.move is not None and done.move.keeps(child))
            if child.ref in wanted or child.is_being_deleted or is_kept:
                continue
            await self._cluster.delete(child.ref, child.uid)
            self._metrics.writes.labels(child.ref.kind_name).inc()
            self._applied.pop(child.ref, None)
            self._children.drop(child.ref)
            done.events.append(Event("Pruned", f"{child.ref} deleted: the spec no longer asks for it."))


def _until_moved(change: Change, move: Move) -> Change:
    """A Service that is not there, as it has to be while the former Deployment serves."""
    if change.uid or not move.is_under_way:
        return change
    body = move.led(change.body)
    return replace(change, body=body, desired=digest_of(body))


def _check_selector(change: Change) -> None:
    """Say what to do where a Deployment would need another selector.

    Raises:
        RefusedByCluster: It has one that cannot be changed.
    """
    if (
        not change.is_deployment
        or change.live is None
        or change.live["spec"]["selector"] == change.body["spec"]["selector"]
    ):
        return
    raise RefusedByCluster(
        f"{change.ref} has another selector than this operator gives it, and Kubernetes lets no selector change.",
        remedy="Set fullnameOverride to a new name: its Deployment serves until the new one answers, and then goes.",
    )


def _event_of(change: Change, *, was_applied: bool) -> Event | None:
    """What a person would want to see of a write.

    Args:
        change: What was written.
        was_applied: Whether the same had been applied before, so that another hand was there in between.
    """
    if was_applied:
        done = (
            "changed by another hand, and was put back" if change.uid else "deleted by another hand, and was made again"
        )
        return Event("DriftRepaired", f"{change.ref} was {done}.")
    return None if change.uid else Event("Created", f"{change.ref} created.")


def _owns_replicas(live: Mapping[str, Any]) -> bool:
    """Whether our field manager applied the Deployment's count."""
    return any(
        entry.get("manager") == MANAGER
        and entry.get("operation") == "Apply"
        and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        for entry in live["metadata"].get("managedFields") or ()
    )
