"""The operator process put together: Lease, watches, worklist and kopf, from start to end."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import kopf

from . import schema_age
from .apply import Applier
from .children import Children, watches
from .cluster import KubernetesCluster, collection
from .errors import ClusterUnavailable, RefusedByCluster
from .handlers import registry
from .kinds import RERANKER
from .lease import CLUSTER_LEASE_NAME, LEASE_NAME, Lease, ServedElsewhere
from .metrics import Metrics
from .pod_facts import Downloads, FactsBook
from .reconcile import Clock, Reconciler
from .render import HelmRenderer
from .resource import Key, Reranker
from .settings import Settings
from .slots import Slots
from .worklist import Worklist

LOG = logging.getLogger(__name__)

LOOK_AROUND_S = 5.0
"""Between looks at what has no event: Leases of namespaces, memory of pods that are gone, the gauges."""

SCHEMA_PAUSE_S = 5.0
"""Between looks for a CRD that is not there yet."""

AWAY_PAUSE_S = 2.0
"""Between questions while the API server is away, or refuses what a right is missing for."""

_T = TypeVar("_T")


async def patiently(ask: Callable[[], Awaitable[_T]], refused: Callable[[bool], None] = lambda _: None) -> _T:
    """Ask until the API server answers: a start while it restarts, or before the rights are there, is no reason to end.

    Args:
        ask: The question.
        refused: Told whether the last answer was a refusal.
    """
    said = ""
    while True:
        refused(False)
        try:
            return await ask()
        except (ClusterUnavailable, RefusedByCluster) as error:
            is_refused = isinstance(error, RefusedByCluster)
            refused(is_refused)
            if error.sentence() != said:
                said = error.sentence()
                LOG.warning("refused_by_api_server" if is_refused else "api_server_away", extra={"error": said})
            await asyncio.sleep(error.retry_after_s or AWAY_PAUSE_S)


def clock() -> Clock:
    """The real time."""
    return Clock(time.monotonic, lambda: dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


class Operator:
    """One process's operator.

    Args:
        settings: Everything that can be chosen.
        cluster: The cluster.
        identity: Who we are in our Lease.
    """

    def __init__(self, settings: Settings, cluster: KubernetesCluster, identity: str) -> None:
        self._settings = settings
        self._cluster = cluster
        self.metrics = Metrics()
        namespace = settings.watch_namespace or settings.lease_namespace
        name = CLUSTER_LEASE_NAME if settings.is_cluster_wide else LEASE_NAME
        self._lease = Lease(cluster, namespace, name, identity, settings.lease_duration_s, time.monotonic)
        self._elsewhere = ServedElsewhere(cluster, time.monotonic)
        self._rerankers: dict[Key, Reranker] = {}
        self._work = Worklist(self._round, time.monotonic)
        self._children = Children(self._heard)
        self._reconciler: Reconciler | None = None
        self._facts: FactsBook | None = None
        self._downloads: Downloads | None = None
        self._renderer: HelmRenderer | None = None
        self._waits_for = "start"
        self._is_refused = False

    def sick(self) -> str:
        """Why only a restart would help."""
        age_s, limit_s = self._work.age_s(), self._settings.work_age_limit_s
        return f"the oldest work is {age_s:.0f} s old, more than {limit_s:g} s" if age_s > limit_s else ""

    def unready(self) -> str:
        """What is waited for; an operator that waits for its Lease is ready to take over, if it has the rights to."""
        if self._is_refused:
            return "waiting for its rights: the log says which one is missing"
        return "" if self._waits_for in {"", "Lease"} else f"waiting for {self._waits_for}"

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the Lease, then work until told to stop or the Lease is lost.

        Raises:
            LeaseLost: Another one works now.
        """
        self._waits_for = "Lease"
        await self._patiently(self._lease.acquire)
        self.metrics.holds_lease.set(1)
        keeping = asyncio.create_task(self._lease.keep())
        working = asyncio.create_task(self._serve(stop))
        stopping = asyncio.create_task(stop.wait())
        tasks = (keeping, working, stopping)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.metrics.holds_lease.set(0)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        await self._lease.release()

    async def _patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask until there is an answer; meanwhile readiness says which right is missing."""
        return await patiently(ask, self._take_refusal)

    def _take_refusal(self, is_refused: bool) -> None:  # noqa: FBT001 - a callback's one argument
        self._is_refused = is_refused

    async def _serve(self, stop: asyncio.Event) -> None:
        self._waits_for = "the CRD"
        warning = await self._schema_warning()
        self._waits_for = "the API server"
        version = await self._patiently(self._cluster.version)
        settings = self._settings
        # kopf would ask again for a minute with growing pauses, and then end.
        await self._patiently(self._may_list)
        self._renderer = HelmRenderer(settings.helm, settings.chart, version, settings.helm_limit_s)
        slots = Slots(settings.max_concurrent_rollouts, settings.rollout_stall_s, time.monotonic)
        self._downloads = Downloads(self._cluster, time.monotonic, self._heard)
        applier = Applier(self._cluster, self._children, slots, self._downloads, self.metrics)
        self._facts = FactsBook(self._cluster, time.monotonic, self._heard)
        self._reconciler = Reconciler(
            self._cluster,
            self._children,
            self._renderer,
            applier,
            self._facts,
            self.metrics,
            clock(),
            settings.resync_interval_s,
            settings.allowed_names,
            warning,
        )
        watching = watches(self._cluster, settings.watch_namespace, self._children, settings.watch_inactivity_s)
        async with asyncio.TaskGroup() as tasks:
            for each in watching:
                tasks.create_task(each.run())
            self._waits_for = "the first lists"
            await asyncio.gather(*(each.is_listed.wait() for each in watching))
            if settings.is_cluster_wide:
                await self._elsewhere.look()
            self._waits_for = ""
            tasks.create_task(self._listen(stop))
            tasks.create_task(self._work.run(settings.max_concurrent_reconciles))
            tasks.create_task(self._look_around())

    async def _may_list(self) -> None:
        await self._cluster.request("get", collection(RERANKER, self._settings.watch_namespace), limit=1)

    async def _listen(self, stop: asyncio.Event) -> None:
        settings = self._settings
        await kopf.operator(
            registry=registry(self._told, inactivity_s=settings.watch_inactivity_s),
            standalone=True,
            # Otherwise it asks for the user's name, and the image's user has none.
            identity=LEASE_NAME,  # type: ignore[arg-type] # a NewType of str that it does not export
            stop_flag=stop,
            clusterwide=settings.is_cluster_wide,
            namespaces=[settings.watch_namespace] if settings.watch_namespace else [],
        )
        # It puts its own handlers of signals in place of ours, and ends by itself when one comes.
        stop.set()

    async def _schema_warning(self) -> str:
        """Wait for the CRD; a sentence if it is another one than ours."""
        said = False
        while True:
            published = await self._patiently(self._cluster.published_schema)
            if published is not None:
                break
            if not said:
                LOG.warning("crd_missing", extra={"remedy": "kubectl apply --server-side -f the chart's crds/ folder"})
                said = True
            await asyncio.sleep(SCHEMA_PAUSE_S)
        warning = schema_age.warning(published, self._settings.chart)
        if warning:
            LOG.warning("crd_differs", extra={"warning": warning})
        return warning

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AROUND_S)
            self.metrics.work_age.set(self._work.age_s())
            if self._renderer is not None:
                self.metrics.renders.set(self._renderer.program_runs)
            if self._settings.is_cluster_wide:
                before = self._elsewhere.namespaces
                await self._elsewhere.look()
                for key in self._rerankers:
                    if key.namespace in before - self._elsewhere.namespaces:
                        self._work.add(key)
            for book in (self._facts, self._downloads):
                if book is not None:
                    book.keep_only(self._children.pod_uids())

    def _told(self, reranker: Reranker, is_gone: bool) -> None:  # noqa: FBT001 - kopf's listener passes it so
        """Take what kopf heard of a Reranker."""
        known = self._rerankers.get(reranker.key)
        if is_gone:
            self._drop(reranker)
            return
        if known is not None and known.uid != reranker.uid and known.version > reranker.version:
            # As in `_drop`: what is last heard of a former one is no news of its namesake.
            return
        self._rerankers[reranker.key] = reranker
        if known is None or known.generation != reranker.generation or known.uid != reranker.uid:
            self._work.add(reranker.key)
        else:
            self._work.enqueue(reranker.key)

    def _drop(self, reranker: Reranker) -> None:
        """It is gone. A round that is at it still runs; the next forgets it."""
        known = self._rerankers.get(reranker.key)
        # kopf has one task for each uid: the end of a former one can come after the begin of its namesake.
        if known is not None and known.uid == reranker.uid:
            del self._rerankers[reranker.key]
            self._work.add(reranker.key)

    def _heard(self, key: Key) -> None:
        """A watch heard of a child or pod."""
        if key in self._rerankers:
            self._work.enqueue(key)

    async def _round(self, key: Key) -> float | None:
        if self._reconciler is None:
            raise RuntimeError("work before the start is over; this is a bug")
        reranker = self._rerankers.get(key)
        if reranker is None:
            self._reconciler.forget(key)
            return math.inf
        if key.namespace in self._elsewhere.namespaces:
            self._reconciler.forget(key)
            return self._settings.resync_interval_s
        with self.metrics.seconds.time():
            try:
                pause_s = await self._reconciler.reconcile(reranker)
            except Exception:
                # A bug of ours must not end the work on all others; it is counted, logged whole and tried again.
                self.metrics.errors.labels("InternalError").inc()
                LOG.exception("internal_error", extra={"namespace": key.namespace, "reranker": key.name})
                return None
        if pause_s is not None and math.isinf(pause_s):
            LOG.info("gone_unheard", extra={"namespace": key.namespace, "reranker": key.name})
            self._drop(reranker)
        return pause_s
