"""What lives in the cluster of our children and their pods, as the watches keep it current.

This mirrors the cluster, not a Reranker: children are there before their Reranker is heard of, and after it is gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .kinds import DEPLOYMENT, JOB, POD, REPLICA_SET, Kind, Ref
from .owned_pods import OwnedPods
from .pods import Pod
from .resource import Key
from .snapshots import Child
from .versions import Version

PODS_AND_SETS = (POD, REPLICA_SET)
"""What we neither create nor delete: the controllers of Deployments and ReplicaSets do."""


class Children:
    """The store: what is known, and who wants to hear of changes.

    Args:
        on_change: Called with the Reranker whose child or pod changed.
    """

    def __init__(self, on_change: Callable[[Key], None]) -> None:
        self._on_change = on_change
        self._children: dict[Key, dict[Ref, Child]] = defaultdict(dict)
        self._keys: dict[Ref, Key] = {}
        self._pods = OwnedPods()
        self._controllers: dict[str, Key] = {}

    def child(self, ref: Ref) -> Child | None:
        """The child of that name, whosever it is."""
        key = self._keys.get(ref)
        return None if key is None else self._children[key].get(ref)

    def of(self, key: Key) -> list[Child]:
        """All children of a Reranker."""
        return list(self._children.get(key, {}).values())

    def pods(self, deployment_uid: str) -> list[Pod]:
        """The pods that a Deployment controls, whatever the labels of others say."""
        return self._pods.of(deployment_uid)

    def job_pods(self, job_uid: str) -> list[Pod]:
        """The pods that a Job controls."""
        return self._pods.of_job(job_uid)

    def newest_pods(self, deployment: Child) -> list[Pod]:
        """Those of its newest template."""
        return self._pods.newest_of(deployment.uid, deployment.revision)

    def versions(self, deployment: Child) -> list[Version]:
        """What its ReplicaSets had, the newest first."""
        return self._pods.versions_of(deployment.uid)

    def replica_set(self, deployment: Child, version: Version) -> Ref | None:
        """The ReplicaSet of a Deployment that had a version last."""
        name = self._pods.set_with(deployment.uid, version)
        return None if name is None else Ref(REPLICA_SET.api_version, REPLICA_SET.name, deployment.ref.namespace, name)

    def put(self, ref: Ref, body: dict[str, Any]) -> None:
        """Remember an object as it is."""
        if ref.kind in PODS_AND_SETS:
            self._report(self._pods.put(ref, body))
            return
        child, former = Child.from_body(ref, body), self._keys.get(ref)
        if former is not None and former != child.key:
            self.drop(ref)
        known = self._children[child.key].get(ref)
        if known is not None and known.version > child.version:
            # An answer to a request of ours, overtaken by the watch.
            return
        self._forget_controller(known)
        if ref.kind in (DEPLOYMENT, JOB):
            self._controllers[child.uid] = child.key
        self._keys[ref] = child.key
        self._children[child.key][ref] = child
        self._on_change(child.key)

    def drop(self, ref: Ref) -> None:
        """Forget an object that is gone."""
        if ref.kind in PODS_AND_SETS:
            self._report(self._pods.drop(ref))
            return
        key = self._keys.pop(ref, None)
        if key is None:
            return
        self._forget_controller(self._children[key].pop(ref, None))
        if not self._children[key]:
            del self._children[key]
        self._on_change(key)

    def keep_only(self, kind: Kind, seen: set[Ref]) -> None:
        """After a complete list: forget what was not in it."""
        for ref in [*self._keys, *self._pods.refs()]:
            if ref.kind_name == kind.name and ref not in seen:
                self.drop(ref)

    def _report(self, uids: set[str]) -> None:
        """Something changed about the pods of these Deployments and Jobs."""
        for uid in uids & self._controllers.keys():
            self._on_change(self._controllers[uid])

    def _forget_controller(self, child: Child | None) -> None:
        if child is not None:
            self._controllers.pop(child.uid, None)
