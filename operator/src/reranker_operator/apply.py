"""Getting rendered objects into the cluster: what differs, what is allowed, what is changed, what goes.

What belongs here: comparing, checking first, applying in order, handing the count over, pruning. What must not:
rendering; the wording of status.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import rollout
from .adopt import MANAGER, check_ownership
from .children import Children
from .cluster import Cluster, Happening
from .drift import HANDOVER_MANAGER
from .errors import Contended, OperatorError
from .kinds import DEPLOYMENT, Ref, ref_of
from .metrics import Metrics
from .resource import Key, Reranker
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
        is_waiting: The Deployment's change waits for a place.
        happenings: What a person would want to see.
    """

    is_waiting: bool = False
    happenings: list[Happening] = field(default_factory=list)


class Applier:
    """Applies one Reranker's objects; knows what it applied before, so that an idle round writes nothing.

    Args:
        cluster: Where to.
        children: What lives there.
        max_rollouts: Pod templates that may be in change at a time.
        metrics: Told of every write.
    """

    def __init__(self, cluster: Cluster, children: Children, max_rollouts: int, metrics: Metrics) -> None:
        self._cluster = cluster
        self._children = children
        self._max_rollouts = max_rollouts
        self._metrics = metrics
        self._applied: dict[Ref, tuple[bytes, bytes]] = {}
        self._waiting: dict[Ref, tuple[bytes, bytes]] = {}
        self._places = asyncio.Lock()

    async def apply(self, reranker: Reranker, wanted: list[dict[str, Any]]) -> Applied:
        """Make the cluster have what is wanted, and nothing of ours beside it.

        Raises:
            OperatorError: Something is in the way. If there was a workload, nothing of it was touched by a refusal.
        """
        done = Applied()
        if self._still_waits(wanted):
            done.is_waiting = True
            return done
        changes = [change for body in wanted if (change := await self._change(reranker, body)) is not None]
        differs = await self._check_first(changes)
        for change in changes:
            if change.is_deployment:
                done.is_waiting = not await self._roll(change, done, template_differs=differs)
            else:
                await self._put(change, done)
            if done.is_waiting:
                return done
        await self._prune(reranker, {ref_of(body) for body in wanted}, done)
        return done

    def forget(self, key: Key) -> None:
        """A Reranker is gone."""
        for known in (self._applied, self._waiting):
            for ref in [ref for ref in known if self._belongs(ref, key)]:
                del known[ref]

    def _belongs(self, ref: Ref, key: Key) -> bool:
        child = self._children.child(ref)
        return ref.namespace == key.namespace and (child is None or child.key == key)

    async def _change(self, reranker: Reranker, body: dict[str, Any]) -> Change | None:
        """What is to be done about one object; None if it is as it was left."""
        ref, desired = ref_of(body), digest_of(body)
        child = self._children.child(ref)
        if child is not None and self._applied.get(ref) == (desired, child.fingerprint) and not child.is_being_deleted:
            return None
        if child is not None and child.owner_uid == reranker.uid and ref.kind_name != DEPLOYMENT.name:
            return Change(ref, body, desired, live=None, uid=child.uid)
        live = await self._cluster.read(ref)
        if live is None:
            self._children.drop(ref)
            return Change(ref, body, desired, live=None, uid="")
        check_ownership(live, reranker)
        return Change(ref, body, desired, live=live, uid=live["metadata"]["uid"])

    async def _check_first(self, changes: list[Change]) -> bool:
        """Have the API server judge every change of an existing workload before the first is made.

        Returns:
            Whether the Deployment's pod template would change.
        """
        if not any(change.is_deployment and change.live is not None for change in changes):
            return False
        differs = False
        for change in changes:
            judged = await self._cluster.apply(change.pinned(), dry_run=True)
            if change.is_deployment and change.live is not None:
                differs = judged["spec"]["template"] != change.live["spec"]["template"]
        return differs

    async def _roll(self, change: Change, done: Applied, *, template_differs: bool) -> bool:
        """Do what the plan says about the Deployment; False if it has to wait."""
        async with self._places:
            for action in rollout.plan(self._wanted(change), self._observed(change, template_differs=template_differs)):
                match action:
                    case rollout.Wait():
                        self._waiting[change.ref] = (change.desired, self._seen(change.ref))
                        return False
                    case rollout.HandOver():
                        await self._hand_over(change, done)
                    case rollout.Apply():
                        await self._put(change, done)
            self._waiting.pop(change.ref, None)
            return True

    def _wanted(self, change: Change) -> rollout.Wanted:
        return rollout.Wanted(change.body["spec"].get("replicas"))

    def _observed(self, change: Change, *, template_differs: bool) -> rollout.Observed:
        if change.live is None:
            return rollout.Observed(state=None)
        return rollout.Observed(
            state=DeploymentState.of(Child.from_body(change.ref, change.live)),
            live_replicas=int(change.live["spec"].get("replicas", 1)),
            owns_replicas=_owns_replicas(change.live),
            template_differs=template_differs,
            free_places=self._free_places(),
        )

    def _free_places(self) -> int:
        fleet = [DeploymentState.of(child) for child in self._children.everywhere(DEPLOYMENT)]
        return rollout.free_places(fleet, self._max_rollouts)

    def _seen(self, ref: Ref) -> bytes:
        child = self._children.child(ref)
        return child.fingerprint if child else b""

    def _still_waits(self, wanted: list[dict[str, Any]]) -> bool:
        """Whether a change that waits for a place may go on waiting without a request."""
        if not self._waiting or self._free_places():
            return False
        refs = [ref for body in wanted if (ref := ref_of(body)) in self._waiting]
        return any(
            self._waiting[ref] == (digest_of(body), self._seen(ref))
            for ref in refs
            for body in wanted
            if ref_of(body) == ref
        )

    async def _hand_over(self, change: Change, done: Applied) -> None:
        """Let another field manager hold the live count, so that it does not fall to 1 when we stop naming one."""
        body, live = change.body, change.live
        if live is None:
            raise RuntimeError("a Deployment that is not there has no count to hand over; this is a bug")
        for last in [False] * (HAND_OVER_TRIES - 1) + [True]:
            count = int(live["spec"].get("replicas", 1))
            metadata = {"name": body["metadata"]["name"], "namespace": body["metadata"]["namespace"], "uid": change.uid}
            held = {
                "apiVersion": body["apiVersion"],
                "kind": body["kind"],
                "metadata": metadata,
                "spec": {"replicas": count},
            }
            try:
                await self._cluster.apply(held, manager=HANDOVER_MANAGER, force=False)
            except Contended:
                fresh = await self._cluster.read(change.ref)
                if last or fresh is None:
                    raise
                live = fresh
                continue
            done.happenings.append(
                Happening("ReplicasHandedOver", f"{count} replicas are the autoscaler's to change now.")
            )
            return

    async def _put(self, change: Change, done: Applied) -> None:
        known, before = self._applied.get(change.ref), self._seen(change.ref)
        try:
            result = await self._cluster.apply(change.pinned())
        except OperatorError:
            # Whatever is remembered of it may be what misled us.
            self._applied.pop(change.ref, None)
            if change.uid:
                self._children.drop(change.ref)
            raise
        self._metrics.writes.labels(change.ref.kind_name).inc()
        self._applied[change.ref] = (change.desired, fingerprint(result))
        self._children.put(change.ref, result)
        happening = _happening(change, was_applied=known is not None and known[0] == change.desired)
        if happening is not None and change.uid and before == fingerprint(result):
            # What another hand added beside ours stays.
            LOG.info("reapplied", extra={"object": str(change.ref), "namespace": change.ref.namespace})
        elif happening is not None:
            done.happenings.append(happening)

    async def _prune(self, reranker: Reranker, wanted: set[Ref], done: Applied) -> None:
        """Delete what is ours and not wanted any more; never what holds data or is to be kept."""
        for child in self._children.of(reranker.key):
            is_pruned = child.owner_uid == reranker.uid and child.ref not in wanted and not child.is_being_deleted
            if not is_pruned or child.ref.kind.holds_data or child.is_kept:
                continue
            await self._cluster.delete(child.ref, child.uid)
            self._metrics.writes.labels(child.ref.kind_name).inc()
            self._applied.pop(child.ref, None)
            self._children.drop(child.ref)
            done.happenings.append(Happening("Pruned", f"{child.ref} deleted: the spec no longer asks for it."))


def _happening(change: Change, *, was_applied: bool) -> Happening | None:
    """What a person would want to see of a write.

    Args:
        change: What was written.
        was_applied: Whether the same had been applied before, so that another hand was there in between.
    """
    if was_applied:
        done = (
            "changed by another hand, and was put back" if change.uid else "deleted by another hand, and was made again"
        )
        return Happening("DriftRepaired", f"{change.ref} was {done}.")
    return None if change.uid else Happening("Created", f"{change.ref} created.")


def _owns_replicas(live: Mapping[str, Any]) -> bool:
    """Whether our field manager applied the Deployment's count."""
    return any(
        entry.get("manager") == MANAGER
        and entry.get("operation") == "Apply"
        and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        for entry in live["metadata"].get("managedFields") or ()
    )
