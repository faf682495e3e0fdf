"""What lives in the cluster of our children and their pods, kept current by watches.

A watch that falls silent is held for dead and begun anew; API servers send a bookmark about every minute.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import aiohttp

from .adopt import MANAGED_BY, MANAGER
from .cluster import Requests, collection
from .errors import ClusterUnavailable, KindNotInstalled, OperatorError
from .kinds import CHILD_KINDS, DEPLOYMENT, POD, REPLICA_SET, Kind, Ref
from .owned_pods import OwnedPods
from .resource import Key
from .snapshots import Child, Pod

LOG = logging.getLogger(__name__)

PAGE = 25
"""Objects to a page of a list: anybody's can bear our labels, and have 1.5 MB each."""

WATCH_S = 280
"""Length of a watch that the API server is asked for."""

ABSENT_PAUSE_S = 60.0
"""Pause before a kind that the cluster does not know is asked for again."""

LONGEST_PAUSE_S = 10.0
"""Before a list that was refused, or not answered, is asked for again."""

CHILD_SELECTOR = f"{MANAGED_BY}={MANAGER}"
POD_SELECTOR = "app.kubernetes.io/name=bge-reranker"
PODS_AND_SETS = (POD, REPLICA_SET)
"""What we neither create nor delete: the controllers of Deployments and ReplicaSets do."""


class Children:
    """The store: what is known, and who wants to hear of changes.

    Args:
        changed: Called with the Reranker whose child or pod changed.
    """

    def __init__(self, changed: Callable[[Key], None]) -> None:
        self._changed = changed
        self._children: dict[Key, dict[Ref, Child]] = defaultdict(dict)
        self._keys: dict[Ref, Key] = {}
        self._pods = OwnedPods()
        self._deployments: dict[str, Key] = {}

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

    def pod_uids(self) -> set[str]:
        """Uids of all pods that are there."""
        return self._pods.uids()

    def everywhere(self, kind: Kind) -> Iterable[Child]:
        """All objects of one kind that a Reranker controls."""
        return (
            child
            for each in self._children.values()
            for ref, child in each.items()
            if ref.kind_name == kind.name and child.owner_uid
        )

    def put(self, ref: Ref, body: dict[str, Any]) -> None:
        """Remember an object as it is."""
        if ref.kind in PODS_AND_SETS:
            self._tell(self._pods.put(ref, body))
            return
        child, former = Child.from_body(ref, body), self._keys.get(ref)
        if former is not None and former != child.key:
            self.drop(ref)
        known = self._children[child.key].get(ref)
        if known is not None and known.version > child.version:
            # An answer to a request of ours, overtaken by the watch.
            return
        self._forget_deployment(known)
        if ref.kind_name == DEPLOYMENT.name:
            self._deployments[child.uid] = child.key
        self._keys[ref] = child.key
        self._children[child.key][ref] = child
        self._changed(child.key)

    def drop(self, ref: Ref) -> None:
        """Forget an object that is gone."""
        if ref.kind in PODS_AND_SETS:
            self._tell(self._pods.drop(ref))
            return
        key = self._keys.pop(ref, None)
        if key is None:
            return
        self._forget_deployment(self._children[key].pop(ref, None))
        if not self._children[key]:
            del self._children[key]
        self._changed(key)

    def keep_only(self, kind: Kind, seen: set[Ref]) -> None:
        """After a complete list: forget what was not in it."""
        for ref in [*self._keys, *self._pods.refs()]:
            if ref.kind_name == kind.name and ref not in seen:
                self.drop(ref)

    def _tell(self, deployment_uids: set[str]) -> None:
        """Something changed about the pods of these Deployments."""
        for uid in deployment_uids & self._deployments.keys():
            self._changed(self._deployments[uid])

    def _forget_deployment(self, child: Child | None) -> None:
        if child is not None:
            self._deployments.pop(child.uid, None)


class Watch:
    """Keeps one kind current in the store, for ever.

    Args:
        cluster: Where to ask.
        kind: What is watched.
        namespace: Where; empty for everywhere.
        store: What is kept current.
        silence_s: Longest silence of a live watch.
    """

    def __init__(self, cluster: Requests, kind: Kind, namespace: str, store: Children, silence_s: float) -> None:
        self._cluster = cluster
        self._kind = kind
        self._path = collection(kind, namespace)
        self._selector = POD_SELECTOR if kind in PODS_AND_SETS else CHILD_SELECTOR
        self._store = store
        self._silence_s = silence_s
        self.is_listed = asyncio.Event()

    async def run(self) -> None:
        """List and watch until cancelled."""
        pause_s = 0.0
        while True:
            try:
                version = await self._list()
                self.is_listed.set()
                pause_s = 0.0
                await self._follow(version)
            except KindNotInstalled:
                self._store.keep_only(self._kind, set())
                self.is_listed.set()
                pause_s = ABSENT_PAUSE_S
            except OperatorError as error:
                LOG.warning("watch_broke", extra={"kind": self._kind.name, "error": error.sentence()})
                pause_s = min(LONGEST_PAUSE_S, max(1.0, pause_s * 2))
            await asyncio.sleep(pause_s)

    async def _list(self) -> str:
        seen: set[Ref] = set()
        kwargs: dict[str, Any] = {"label_selector": self._selector, "limit": PAGE}
        while True:
            page = await self._cluster.request("get", self._path, **kwargs)
            for item in page["items"]:
                ref = self._ref(item)
                seen.add(ref)
                self._put(ref, item)
            token = page["metadata"].get("continue")
            if not token:
                self._store.keep_only(self._kind, seen)
                return str(page["metadata"]["resourceVersion"])
            kwargs["_continue"] = token

    async def _follow(self, version: str) -> None:
        while version:
            version = await self._follow_once(version)

    async def _follow_once(self, version: str) -> str:
        """Watch from a version on; gives the version to go on from, or nothing if a new list is needed."""
        response = await self._cluster.request(
            "get",
            self._path,
            serialize=False,
            query_params=[("allowWatchBookmarks", "true")],
            label_selector=self._selector,
            resource_version=version,
            watch="true",
            timeout_seconds=WATCH_S,
            _request_timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=self._silence_s),
        )
        try:
            async for line in response.content:
                change = json.loads(line)
                if change["type"] == "ERROR":
                    return ""
                version = change["object"]["metadata"]["resourceVersion"]
                self._take(change)
        except TimeoutError:
            # Dead, or of a kind that was never written to, for which no bookmark comes: either way go on from here.
            LOG.debug("watch_silent", extra={"kind": self._kind.name})
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ClusterUnavailable(f"A watch broke: {type(error).__name__} {error}") from error
        finally:
            response.close()
        return version

    def _take(self, change: dict[str, Any]) -> None:
        if change["type"] == "BOOKMARK":
            return
        ref = self._ref(change["object"])
        if change["type"] == "DELETED":
            self._store.drop(ref)
        else:
            self._put(ref, change["object"])

    def _put(self, ref: Ref, item: dict[str, Any]) -> None:
        try:
            self._store.put(ref, item)
        except Exception:
            # Anybody's object can bear our labels: one that cannot be read must not end the work on all others.
            LOG.exception("object_not_read", extra={"object": str(ref), "namespace": ref.namespace})
            self._store.drop(ref)

    def _ref(self, item: dict[str, Any]) -> Ref:
        metadata = item["metadata"]
        return Ref(self._kind.api_version, self._kind.name, metadata["namespace"], metadata["name"])


def watches(cluster: Requests, namespace: str, store: Children, silence_s: float) -> list[Watch]:
    """One watch for each kind of child, for ReplicaSets and for pods."""
    return [Watch(cluster, kind, namespace, store, silence_s) for kind in (*CHILD_KINDS, *PODS_AND_SETS)]
