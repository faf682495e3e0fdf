"""What lives in the cluster of our children and their pods, kept current by watches.

What belongs here: lists, watches, the store. What must not: writing; deciding. A watch that falls silent is held for
dead and begun anew; API servers send a bookmark about every minute.
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
from .kinds import CHILD_KINDS, POD, Kind, Ref
from .resource import Key
from .snapshots import Child, Pod

LOG = logging.getLogger(__name__)

PAGE = 500
"""Objects to a page of a list."""

WATCH_S = 280
"""Length of a watch that the API server is asked for."""

ABSENT_PAUSE_S = 60.0
"""Pause before a kind that the cluster does not know is asked for again."""

CHILD_SELECTOR = f"{MANAGED_BY}={MANAGER}"
POD_SELECTOR = "app.kubernetes.io/name=bge-reranker"


class Children:
    """The store: what is known, and who wants to hear of changes.

    Args:
        changed: Called with the Reranker whose child or pod changed.
    """

    def __init__(self, changed: Callable[[Key], None]) -> None:
        self._changed = changed
        self._children: dict[Key, dict[Ref, Child]] = defaultdict(dict)
        self._pods: dict[Key, dict[str, Pod]] = defaultdict(dict)
        self._keys: dict[Ref, Key] = {}

    def child(self, ref: Ref) -> Child | None:
        """The child of that name, whosever it is."""
        key = self._keys.get(ref)
        return None if key is None else self._children[key].get(ref)

    def of(self, key: Key) -> list[Child]:
        """All children of a Reranker."""
        return list(self._children.get(key, {}).values())

    def pods(self, key: Key) -> list[Pod]:
        """All pods of a Reranker."""
        return list(self._pods.get(key, {}).values())

    def pod_uids(self) -> set[str]:
        """Uids of all pods that are there."""
        return {pod.uid for each in self._pods.values() for pod in each.values()}

    def everywhere(self, kind: Kind) -> Iterable[Child]:
        """All children of one kind."""
        return (child for each in self._children.values() for ref, child in each.items() if ref.kind_name == kind.name)

    def put(self, ref: Ref, body: dict[str, Any]) -> None:
        """Remember an object as it is."""
        if ref.kind_name == POD.name:
            pod = Pod.from_body(body)
            self._keys[ref] = pod.key
            self._pods[pod.key][ref.name] = pod
            self._changed(pod.key)
            return
        child, former = Child.from_body(ref, body), self._keys.get(ref)
        if former is not None and former != child.key:
            self.drop(ref)
        known = self._children[child.key].get(ref)
        if known is not None and known.version > child.version:
            # An answer to a request of ours, overtaken by the watch.
            return
        self._keys[ref] = child.key
        self._children[child.key][ref] = child
        self._changed(child.key)

    def drop(self, ref: Ref) -> None:
        """Forget an object that is gone."""
        key = self._keys.pop(ref, None)
        if key is None:
            return
        if ref.kind_name == POD.name:
            self._pods[key].pop(ref.name, None)
        else:
            self._children[key].pop(ref, None)
        for store in (self._pods, self._children):
            if not store.get(key):
                store.pop(key, None)
        self._changed(key)

    def keep_only(self, kind: Kind, seen: set[Ref]) -> None:
        """After a complete list: forget what was not in it."""
        for ref in [ref for ref in self._keys if ref.kind_name == kind.name and ref not in seen]:
            self.drop(ref)


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
        self._selector = POD_SELECTOR if kind is POD else CHILD_SELECTOR
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
                pause_s = min(30.0, max(1.0, pause_s * 2))
            await asyncio.sleep(pause_s)

    async def _list(self) -> str:
        seen: set[Ref] = set()
        words: dict[str, Any] = {"label_selector": self._selector, "limit": PAGE}
        while True:
            page = await self._cluster.request("get", self._path, **words)
            for item in page["items"]:
                ref = self._ref(item)
                seen.add(ref)
                self._store.put(ref, item)
            token = page["metadata"].get("continue")
            if not token:
                self._store.keep_only(self._kind, seen)
                return str(page["metadata"]["resourceVersion"])
            words["_continue"] = token

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
            self._store.put(ref, change["object"])

    def _ref(self, item: dict[str, Any]) -> Ref:
        metadata = item["metadata"]
        return Ref(self._kind.api_version, self._kind.name, metadata["namespace"], metadata["name"])


def watches(cluster: Requests, namespace: str, store: Children, silence_s: float) -> list[Watch]:
    """One watch for each kind of child, and one for the pods."""
    return [Watch(cluster, kind, namespace, store, silence_s) for kind in (*CHILD_KINDS, POD)]
