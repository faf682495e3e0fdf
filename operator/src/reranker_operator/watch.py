"""Lists and watches, which keep the store of children current.

A watch that falls silent is held for dead and begun anew; API servers send a bookmark about every minute.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import aiohttp

from .adopt import MANAGED_BY, MANAGER
from .children import PODS_AND_SETS, Children
from .cluster import Requests, collection, pages
from .errors import ClusterUnavailable, KindNotInstalled, OperatorError
from .kinds import CHILD_KINDS, Kind, Ref

LOG = logging.getLogger(__name__)

WATCH_S = 280
"""Length of a watch that the API server is asked for."""

ABSENT_PAUSE_S = 60.0
"""Pause before a kind that the cluster does not know is asked for again."""

LONGEST_PAUSE_S = 10.0
"""Before a list that was refused, or not answered, is asked for again."""

CHILD_SELECTOR = f"{MANAGED_BY}={MANAGER}"
POD_SELECTOR = "app.kubernetes.io/name=bge-reranker"


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
        version = ""
        async for page in pages(self._cluster, self._path, label_selector=self._selector):
            for item in page["items"]:
                ref = self._ref(item)
                seen.add(ref)
                self._put(ref, item)
            version = str(page["metadata"]["resourceVersion"])
        self._store.keep_only(self._kind, seen)
        return version

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
