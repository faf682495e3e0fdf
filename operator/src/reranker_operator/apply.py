"""Getting rendered objects into the cluster: what differs, what is allowed, what is changed, what goes."""

from __future__ import annotations

from typing import Any

from . import rollout
from .adopt import check_ownership, is_handed_over
from .changes import Applied, Change
from .children import Children
from .cluster import Cluster
from .errors import OperatorError
from .fleet import Fleet
from .kinds import DEPLOYMENT, SERVICE, Ref, ref_of
from .metrics import Metrics
from .model_round import Plan
from .move import Move, move_of
from .resource import Reranker
from .slots import Slots
from .snapshots import Child, digest_of
from .tracked import AppliedObject, Tracked
from .write import Writer


class Applier:
    """Applies one Reranker's objects; its record says what was applied before, so that an idle round writes nothing.

    Args:
        cluster: Where to.
        children: What lives there.
        fleet: How far rollouts are.
        slots: Who may change its pods now.
        metrics: Counts the writes.
    """

    def __init__(self, cluster: Cluster, children: Children, fleet: Fleet, slots: Slots, metrics: Metrics) -> None:
        self._cluster = cluster
        self._children = children
        self._fleet = fleet
        self._slots = slots
        self._writer = Writer(cluster, children, metrics)

    async def apply(self, tracked: Tracked, reranker: Reranker, plan: Plan) -> Applied:
        """Make the cluster have what is wanted, and nothing of ours beside it.

        Args:
            tracked: The record.
            reranker: As it was when the round began.
            plan: The objects, and what is decided about the model.

        Raises:
            OperatorError: Something is in the way. If there was a workload, nothing of it was touched by a refusal.
        """
        self._fleet.look()
        self._fleet.look_at(tracked)
        try:
            return await self._apply(tracked, reranker, plan)
        except OperatorError:
            # Whoever cannot use a slot is not in the way of those who can.
            self._slots.leave(tracked.slot)
            raise

    async def _apply(self, tracked: Tracked, reranker: Reranker, plan: Plan) -> Applied:
        done, wanted = Applied(), plan.wanted
        services = [body for body in wanted if body["kind"] == SERVICE.name]
        changes = [each for body in services for each in await self._changes(tracked, reranker, body)]
        handed_over = [each.ref for each in changes if each.live is not None and is_handed_over(each.live, reranker)]
        move = done.move = move_of(wanted, self._children.of(reranker.key), reranker.uid, handed_over)
        changes = [each.until_moved(move) for each in changes]
        for body in (move.counted(each) for each in wanted if each not in services):
            if not self._still_waits(tracked, body, plan, done):
                changes += await self._changes(tracked, reranker, body)
        order = [ref_of(body) for body in wanted]
        changes = sorted(
            (each for each in changes if not move.holds_back(each.ref)), key=lambda each: order.index(each.ref)
        )
        differs = await self._check_first(changes, move)
        for change in changes:
            if change.is_deployment:
                await self._roll(tracked, change, plan, done, template_differs=differs)
            else:
                await self._writer.put(tracked, change, done)
        await self._prune(tracked, reranker, set(order), done)
        return done

    def stand_down(self, tracked: Tracked) -> None:
        """A Reranker is left as it is for now: it needs no slot."""
        self._slots.release(tracked.slot)

    def withdraw(self, tracked: Tracked) -> None:
        """What a Reranker wants is not known now: it does not wait for a slot."""
        self._slots.leave(tracked.slot)

    def is_changing(self, tracked: Tracked) -> bool:
        """Whether a change of its pods is under way, whose progress wants to be seen."""
        return self._fleet.rollout_of(tracked) is not None

    @property
    def stall_s(self) -> float:
        """Time without progress after which a change gives its slot back."""
        return self._slots.stall_s

    async def _changes(self, tracked: Tracked, reranker: Reranker, body: dict[str, Any]) -> list[Change]:
        """What is to be done about one object; nothing if it is as it was left."""
        ref, desired = ref_of(body), digest_of(body)
        child = self._children.child(ref)
        is_left = child is not None and tracked.objects.get(ref) == AppliedObject(desired, child.fingerprint)
        if child is not None and is_left and not child.is_being_deleted:
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
            change.check_selector()
            judged = await self._cluster.apply(change.pinned(), dry_run=True)
            if change.is_deployment and change.live is not None:
                differs = judged["spec"]["template"] != change.live["spec"]["template"]
        return differs

    async def _roll(
        self, tracked: Tracked, change: Change, plan: Plan, done: Applied, *, template_differs: bool
    ) -> None:
        """Do what the plan says about the Deployment."""
        is_held = plan.decision is not None and plan.decision.holds_template
        is_return = plan.decision is not None and plan.decision.is_return
        if template_differs and not is_held and not is_return:
            done.no_slot = self._slots.take(tracked.slot)
        else:
            # Pods that go back to what served before make room, and wait for nobody.
            self._slots.leave(tracked.slot)
        may_change = done.no_slot is None and not is_held
        if template_differs and may_change:
            change = change.having(plan.begun(change.body))
        try:
            wanted = rollout.Wanted(change.body["spec"].get("replicas"))
            observed = change.observed(template_differs=template_differs, has_slot=may_change)
            for action in rollout.plan(wanted, observed):
                match action:
                    case rollout.HandOver():
                        await self._writer.hand_over(change, done)
                    case rollout.Apply(holds_template=True):
                        await self._writer.put_without_template(tracked, change, done)
                    case rollout.Apply():
                        await self._writer.put(tracked, change, done)
        finally:
            if template_differs and may_change:
                self._slots.begin(tracked.slot, self._fleet.rollout_of(tracked))

    def _still_waits(self, tracked: Tracked, body: dict[str, Any], plan: Plan, done: Applied) -> bool:
        """Whether a Deployment whose template waits is as it was left, and still has to: for a model, or for a slot."""
        ref = ref_of(body)
        left = tracked.objects.get(ref)
        is_held = plan.decision is not None and plan.decision.holds_template
        if left is None or not left.is_held or (not is_held and self._slots.is_open(tracked.slot)):
            return False
        if left != AppliedObject(digest_of(body), self._writer.fingerprint(ref), is_held=True):
            return False
        if is_held:
            return True
        done.no_slot = self._slots.take(tracked.slot)
        return done.no_slot is not None

    async def _prune(self, tracked: Tracked, reranker: Reranker, wanted: set[Ref], done: Applied) -> None:
        """Delete what is ours and not wanted any more; never what holds data, or what serves in the meantime."""
        for child in self._owned(reranker):
            is_kept = child.ref.kind.holds_data or (done.move is not None and done.move.keeps(child))
            if child.ref not in wanted and not child.is_being_deleted and not is_kept:
                await self._writer.delete(tracked, child, done)

    def _owned(self, reranker: Reranker) -> list[Child]:
        return [child for child in self._children.of(reranker.key) if child.owner_uid == reranker.uid]
