"""Writing single objects, and remembering how they were left."""

from __future__ import annotations

import logging
from dataclasses import replace

from .adopt import MANAGER
from .applied_fields import applied_part
from .changes import Applied, Change
from .children import Children
from .cluster import Cluster
from .drift import HANDOVER_MANAGER
from .errors import Contended, OperatorError
from .events import Event
from .kinds import Ref
from .metrics import Metrics
from .snapshots import Child, fingerprint
from .tracked import AppliedObject, Tracked

LOG = logging.getLogger(__name__)

HAND_OVER_TRIES = 5
"""Times that a count is read afresh when an autoscaler writes in between."""


class Writer:
    """Puts objects into the cluster and takes them out.

    Args:
        cluster: Where to.
        children: Shown every write, before the watch tells of it.
        metrics: Counts the writes.
    """

    def __init__(self, cluster: Cluster, children: Children, metrics: Metrics) -> None:
        self._cluster = cluster
        self._children = children
        self._metrics = metrics

    def fingerprint(self, ref: Ref) -> bytes:
        """Of an object as it is; empty if there is none."""
        child = self._children.child(ref)
        return child.fingerprint if child else b""

    async def put(self, tracked: Tracked, change: Change, done: Applied) -> None:
        """Apply an object whole."""
        known, before = tracked.objects.get(change.ref), self.fingerprint(change.ref)
        try:
            result = await self._cluster.apply(change.pinned())
        except OperatorError:
            # Whatever is remembered of it may be what misled us.
            tracked.objects.pop(change.ref, None)
            if change.uid:
                self._children.drop(change.ref)
            raise
        after = fingerprint(result)
        self._metrics.writes.labels(change.ref.kind_name).inc()
        tracked.objects[change.ref] = AppliedObject(change.desired, after)
        self._children.put(change.ref, result)
        event = change.event(was_applied=known is not None and known.desired == change.desired)
        if event is not None and change.uid and before == after:
            # What another hand added beside ours stays.
            LOG.info("reapplied", extra={"object": str(change.ref), "namespace": change.ref.namespace})
        elif event is not None:
            done.events.append(event)

    async def put_without_template(self, tracked: Tracked, change: Change, done: Applied) -> None:
        """Apply the Deployment with the pod template that we applied last: what others added to it stays theirs."""
        template = applied_part(change.live or {}, MANAGER, "template")
        if template is None:
            return
        body = {**change.body, "spec": {**change.body["spec"], "template": template}}
        await self.put(tracked, replace(change, body=body), done)
        tracked.objects[change.ref] = AppliedObject(change.desired, self.fingerprint(change.ref), is_held=True)

    async def hand_over(self, change: Change, done: Applied) -> None:
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

    async def delete(self, tracked: Tracked, child: Child, done: Applied) -> None:
        """Delete what the spec no longer asks for."""
        await self._cluster.delete(child.ref, child.uid)
        self._metrics.writes.labels(child.ref.kind_name).inc()
        tracked.objects.pop(child.ref, None)
        self._children.drop(child.ref)
        done.events.append(Event("Pruned", f"{child.ref} deleted: the spec no longer asks for it."))
