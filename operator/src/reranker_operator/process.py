"""The operator process put together: Lease, watches, worklist and kopf, from start to end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import kopf

from . import schema_age
from .apply import Applier
from .children import Children
from .clock import real_clock
from .cluster import KubernetesCluster, collection, pages
from .fleet import Fleet
from .handlers import registry
from .kinds import RERANKER
from .lease import CLUSTER_LEASE_NAME, LEASE_NAME, Lease, ServedElsewhere
from .metrics import Metrics
from .model_round import ModelRounds
from .observe import Observer
from .patience import patiently
from .pod_answers import Downloads, Facts
from .reconcile import Reconciler
from .render import HelmRenderer
from .report import Reporter
from .resource import Key, Reranker
from .server_version import ServerVersion
from .settings import Settings
from .slots import Slots
from .tracked import TrackedRerankers
from .watch import watches
from .worklist import Gone, Outcome, Requeue, Retry, Worklist

LOG = logging.getLogger(__name__)

LOOK_AROUND_S = 5.0
"""Between looks at what has no event: Leases of namespaces, the gauges."""

SCHEMA_PAUSE_S = 5.0
"""Between looks for a CRD that is not there yet."""

_T = TypeVar("_T")


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
        namespace = settings.watch_namespace or settings.lease_namespace
        name = CLUSTER_LEASE_NAME if settings.is_cluster_wide else LEASE_NAME
        self._lease = Lease(cluster, namespace, name, identity, settings.lease_duration_s, time.monotonic)
        self._elsewhere = ServedElsewhere(cluster, time.monotonic)
        self._tracked = TrackedRerankers(time.monotonic)
        self.metrics = Metrics(self._tracked.states, self._tracked.conditions)
        self._work = Worklist(self._tracked.schedules, self._round, time.monotonic)
        self._children = Children(self._on_change)
        self._reconciler: Reconciler | None = None
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
        """Wait for the Lease, then work until `stop` is set or the Lease is lost.

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
        return await patiently(ask, self._on_refusal)

    def _on_refusal(self, is_refused: bool) -> None:  # noqa: FBT001 - a callback's one argument
        self._is_refused = is_refused

    async def _serve(self, stop: asyncio.Event) -> None:
        self._waits_for = "the CRD"
        warning = await self._schema_warning()
        self._waits_for = "the API server"
        version = await self._patiently(self._cluster.version)
        settings = self._settings
        # kopf would ask again for a minute with growing pauses, and then end.
        await self._patiently(self._list)
        self._renderer = HelmRenderer(settings.helm, settings.chart, version, settings.helm_limit_s)
        self._reconciler = self._assembled(self._renderer, warning, ServerVersion.of(version))
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

    def _assembled(self, renderer: HelmRenderer, warning: str, server: ServerVersion) -> Reconciler:
        """What makes a round."""
        settings, cluster, children, clock = self._settings, self._cluster, self._children, real_clock()
        slots = Slots(settings.max_concurrent_rollouts, settings.rollout_stall_s, self._tracked.claims, clock.seconds)
        downloads = Downloads(cluster, clock.seconds, self._on_change)
        fleet = Fleet(self._tracked, children, downloads, slots, clock)
        facts = Facts(cluster, clock.seconds, self._on_change)
        return Reconciler(
            cluster,
            ModelRounds(cluster, renderer, children, downloads, facts, clock),
            Applier(cluster, children, fleet, slots, self.metrics),
            Observer(children, facts, clock, warning),
            Reporter(cluster, children, self.metrics, clock),
            self.metrics,
            settings.resync_interval_s,
            settings.allowed_names,
            server,
        )

    async def _list(self) -> None:
        """Take in all Rerankers: before the first round, those are known whose rollouts are under way."""
        path = collection(RERANKER, self._settings.watch_namespace)
        async for page in pages(self._cluster, path):
            for body in page["items"]:
                self._on_event(Reranker.from_body(body), False)

    async def _listen(self, stop: asyncio.Event) -> None:
        settings = self._settings
        await kopf.operator(
            registry=registry(self._on_event, inactivity_s=settings.watch_inactivity_s),
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
        is_logged = False
        while True:
            published = await self._patiently(self._cluster.published_schema)
            if published is not None:
                break
            if not is_logged:
                LOG.warning("crd_missing", extra={"remedy": "kubectl apply --server-side -f the chart's crds/ folder"})
                is_logged = True
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
                for tracked in self._tracked:
                    if tracked.key.namespace in before - self._elsewhere.namespaces:
                        self._work.enqueue_now(tracked.schedule)

    def _on_event(self, reranker: Reranker, is_gone: bool) -> None:  # noqa: FBT001 - kopf's listener passes it so
        """A Reranker is there, has changed or is gone."""
        if is_gone:
            self._tracked.forget(reranker)
            return
        known = self._tracked.get(reranker.key)
        before = known.reranker if known is not None else None
        tracked = self._tracked.see(reranker)
        if tracked is None:
            return
        if before is None or (before.uid, before.generation) != (reranker.uid, reranker.generation):
            self._work.enqueue_now(tracked.schedule)
        elif before.resource_version != reranker.resource_version:
            self._work.enqueue(tracked.schedule)

    def _on_change(self, key: Key) -> None:
        """A child or pod of a Reranker changed, or a pod answered."""
        tracked = self._tracked.get(key)
        if tracked is not None:
            self._work.enqueue(tracked.schedule)

    async def _round(self, key: Key) -> Outcome:
        if self._reconciler is None:
            raise RuntimeError("work before the start is over; this is a bug")
        tracked = self._tracked.get(key)
        if tracked is None:
            return Gone()
        if key.namespace in self._elsewhere.namespaces:
            self._tracked.start_over(tracked)
            return Requeue(self._settings.resync_interval_s)
        reranker = tracked.reranker
        with self.metrics.seconds.time():
            try:
                outcome = await self._reconciler.reconcile(tracked)
            except Exception:
                # A bug of ours must not end the work on all others; it is counted, logged whole and tried again.
                self.metrics.errors.labels("InternalError").inc()
                LOG.exception("internal_error", extra={"namespace": key.namespace, "reranker": key.name})
                return Retry()
        if isinstance(outcome, Gone):
            LOG.info("gone_unheard", extra={"namespace": key.namespace, "reranker": key.name})
            self._tracked.forget(reranker)
        return outcome
