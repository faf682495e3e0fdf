"""Fakes of the operator's protocols: a cluster in memory, a chart in ten lines, a clock by hand."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reranker_operator.adopt import MANAGER
from reranker_operator.apply import Applier
from reranker_operator.children import Children
from reranker_operator.clock import Clock
from reranker_operator.errors import ClusterUnavailable, Contended, KindNotInstalled, OperatorError, RefusedByCluster
from reranker_operator.events import Event
from reranker_operator.fleet import Fleet
from reranker_operator.kinds import Ref, is_known, ref_of
from reranker_operator.metrics import Metrics
from reranker_operator.model_round import ModelRounds
from reranker_operator.observe import Observer
from reranker_operator.pod_answers import Downloads, Facts
from reranker_operator.pods import Download, Pod, PodFacts
from reranker_operator.reconcile import Reconciler
from reranker_operator.report import Reporter
from reranker_operator.resource import Key, Reranker
from reranker_operator.server_version import ServerVersion
from reranker_operator.slots import Slots
from reranker_operator.spec_limits import AllowedNames
from reranker_operator.tracked import TrackedRerankers
from reranker_operator.worklist import Outcome

from .bodies import autoscaler, claim, deployment, fetch_job, scaled_object, service, shadow_deployment, versioned

STALL_S = 300.0
"""Time without progress after which a change gives its slot back."""


class FakeCluster:
    """Objects in memory with what the operator relies on: uids, versions, generations, owners of `spec.replicas`.

    Attributes:
        objects: What is there.
        writes: What was changed, in order: verb and object.
        reads: What was asked for, in order.
        refusals: Errors that the next writes of a kind get, by kind.
        status: Written statuses by uid of the Reranker.
        gone: Uids of Rerankers that are no more.
        facts: What every pod that is asked says.
        asked: Names of the pods that were asked.
    """

    def __init__(self) -> None:
        self.objects: dict[Ref, dict[str, Any]] = {}
        self.writes: list[tuple[str, str]] = []
        self.reads: list[str] = []
        self.refusals: dict[str, list[OperatorError]] = {}
        self.status: dict[str, dict[str, Any]] = {}
        self.gone: set[str] = set()
        self.events: list[Event] = []
        self.facts: PodFacts | None = None
        self.downloading: Download | None = None
        self.asked: list[str] = []
        self.children = Children(lambda _: None)
        self._versions = itertools.count(10)

    async def read(self, ref: Ref) -> dict[str, Any] | None:
        self.reads.append(str(ref))
        return copy.deepcopy(self.objects.get(ref))

    async def apply(
        self, body: Mapping[str, Any], *, manager: str = MANAGER, force: bool = True, dry_run: bool = False
    ) -> dict[str, Any]:
        ref = ref_of(dict(body))
        self._refuse(ref.kind_name)
        live, uid = self.objects.get(ref), body["metadata"].get("uid")
        if uid is not None and (live is None or live["metadata"]["uid"] != uid):
            raise Contended(f"{ref} is not the one that was meant")
        result = self._merged(ref, live, dict(body), manager, force=force)
        if not dry_run and result != live:
            self.writes.append(("apply", str(ref)))
            self._keep(ref, result, live)
        return copy.deepcopy(self.objects[ref] if not dry_run else result)

    async def delete(self, ref: Ref, uid: str) -> None:
        self._refuse(ref.kind_name)
        if ref in self.objects and self.objects[ref]["metadata"]["uid"] == uid:
            self.remove(ref)
            self.writes.append(("delete", str(ref)))

    async def write_status(self, reranker: Reranker, status: Mapping[str, Any]) -> str | None:
        self._refuse("status")
        if reranker.uid in self.gone:
            return None
        self.status[reranker.uid] = copy.deepcopy(dict(status))
        self.writes.append(("status", reranker.name))
        return str(next(self._versions))

    async def is_there(self, reranker: Reranker) -> bool:
        return reranker.uid not in self.gone

    async def emit(self, reranker: Reranker, event: Event) -> None:
        del reranker
        self.events.append(event)

    async def pod_facts(self, pod: Pod) -> PodFacts | None:
        self.asked.append(pod.name)
        return self.facts

    async def download(self, pod: Pod) -> Download | None:
        del pod
        return self.downloading

    def put(self, body: dict[str, Any]) -> None:
        """Somebody else wrote this object."""
        ref = ref_of(body)
        self._keep(ref, copy.deepcopy(body), self.objects.get(ref))

    def remove(self, ref: Ref) -> None:
        """Somebody else deleted it."""
        del self.objects[ref]
        self.children.drop(ref)

    def edit(self, ref: Ref, **spec: Any) -> None:
        """Somebody else set fields of its spec."""
        body = copy.deepcopy(self.objects[ref])
        body["spec"] |= spec
        for entry in body["metadata"].get("managedFields", ()):
            for name in spec:
                entry["fieldsV1"]["f:spec"].pop(f"f:{name}", None)
        self.put(body)

    def say(self, ref: Ref, **status: Any) -> None:
        """A controller reports."""
        body = copy.deepcopy(self.objects[ref])
        body["status"] = status
        self._keep(ref, body, self.objects[ref])

    def _merged(
        self, ref: Ref, live: dict[str, Any] | None, body: dict[str, Any], manager: str, *, force: bool
    ) -> dict[str, Any]:
        body = copy.deepcopy(body)
        if live is None:
            metadata = {**body["metadata"], "uid": f"uid-{ref.kind_name}-{ref.name}-{next(self._versions)}"}
            result = {**body, "metadata": metadata}
            managers: dict[str, set[str]] = {}
        else:
            result = copy.deepcopy(live)
            managers = _owned(live)
            spec, asked = result.get("spec", {}), body.get("spec", {})
            for name, value in asked.items():
                if spec.get(name) != value:
                    others = [other for other, fields in managers.items() if name in fields and other != manager]
                    if others and not force:
                        raise Contended(f"spec.{name} is {others[0]}'s")
                    for other in others:
                        managers[other].discard(name)
            for name in managers.get(manager, set()) - set(asked):
                if not any(name in fields for other, fields in managers.items() if other != manager):
                    spec.pop(name, None)
            result["spec"] = {**spec, **copy.deepcopy(asked)}
            result["metadata"] |= {key: value for key, value in body["metadata"].items() if key != "uid"}
            kept = {key: value for key, value in _annotations(live).items() if not key.startswith("bge-reranker.io/")}
            if kept or "annotations" in live["metadata"] or "annotations" in body["metadata"]:
                result["metadata"]["annotations"] = {**kept, **_annotations(body)}
        managers[manager] = set(body.get("spec", {}))
        if ref.kind_name == "Deployment":
            result["spec"].setdefault("replicas", 1)
        result["metadata"]["managedFields"] = [
            {
                "manager": name,
                "operation": "Apply",
                "fieldsV1": {"f:spec": {f"f:{each}": {} for each in sorted(fields)}},
            }
            for name, fields in sorted(managers.items())
        ]
        return result

    def _keep(self, ref: Ref, body: dict[str, Any], live: dict[str, Any] | None) -> None:
        metadata = body["metadata"]
        metadata.setdefault("uid", f"uid-{ref.kind_name}-{ref.name}-{next(self._versions)}")
        metadata["resourceVersion"] = str(next(self._versions))
        generation = int((live or {"metadata": {}})["metadata"].get("generation", 0))
        changed = live is None or live.get("spec") != body.get("spec")
        metadata["generation"] = generation + changed
        self.objects[ref] = body
        if is_known(ref) and metadata.get("labels", {}).get("app.kubernetes.io/managed-by") == MANAGER:
            self.children.put(ref, body)

    def _refuse(self, what: str) -> None:
        waiting = self.refusals.get(what)
        if waiting:
            raise waiting.pop(0)


def _annotations(body: Mapping[str, Any]) -> dict[str, str]:
    return dict(body["metadata"].get("annotations") or {})


def _owned(body: dict[str, Any]) -> dict[str, set[str]]:
    return {
        entry["manager"]: {name.removeprefix("f:") for name in entry["fieldsV1"]["f:spec"]}
        for entry in body["metadata"].get("managedFields", ())
    }


class FakeChart:
    """Renders a Deployment, a Service, and what the values ask for beside."""

    def __init__(self) -> None:
        self.problem: OperatorError | None = None
        self.bug: Exception | None = None
        self.least_replicas = 1
        self.seen: list[dict[str, Any]] = []

    async def render(self, key: Key, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        self.seen.append(dict(values))
        if self.problem is not None:
            raise self.problem
        if self.bug is not None:
            raise self.bug
        is_scaled = values.get("autoscaling", {}).get("enabled", False)
        image = values.get("image", {}).get("tag", "scorer:1")
        fullname = values.get("fullnameOverride", "")
        called = values.get("service", {}).get("name", "")
        objects = [
            deployment(key.name, replicas=None if is_scaled else values["replicas"], image=image, fullname=fullname),
            service(key.name, fullname=fullname, called=called),
        ]
        objects[-1]["metadata"]["annotations"] = values.get("service", {}).get("annotations", {})
        if "model" in values:
            versioned(objects[0], values["model"], values.get("rollout", {}), values.get("gate", {}).get("name", ""))
        if "fetch" in values and values.get("cache", {}).get("type") == "pvc":
            objects.append(fetch_job(key.name, values["fetch"]))
        if "shadow" in values:
            objects.append(shadow_deployment(key.name, values["shadow"]))
        cache = values.get("cache", {})
        if cache.get("type") == "pvc":
            objects.insert(0, claim(key.name, is_retained=cache.get("retain", False)))
        if is_scaled and values["autoscaling"].get("keda", {}).get("enabled", False):
            objects.append(scaled_object(key.name))
        elif is_scaled:
            objects.append(autoscaler(key.name, fullname=fullname, least=self.least_replicas))
        return objects


class FakeTime:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A reconciler with fakes around it."""

    def __init__(self, max_rollouts: int = 2) -> None:
        self.cluster = FakeCluster()
        self.chart = FakeChart()
        self.time = FakeTime()
        self.max_rollouts = max_rollouts
        self.server = ServerVersion.of("v1.37.0")
        self.tracked = TrackedRerankers(self.time)
        self.restart()

    def restart(self, tracked: TrackedRerankers | None = None) -> None:
        """A new process: everything that was remembered is lost, and all Rerankers are listed again.

        Args:
            tracked: Where what is known from now on is kept.
        """
        listed = [each.reranker for each in self.tracked]
        self.tracked = tracked or TrackedRerankers(self.time)
        for each in listed:
            self.tracked.see(each)
        self.metrics = Metrics(self.tracked.states, self.tracked.conditions)
        children, clock = self.cluster.children, Clock(self.time, lambda: "2026-01-01T00:00:00Z")
        slots = Slots(self.max_rollouts, STALL_S, self.tracked.claims, self.time)
        self.downloads = Downloads(self.cluster, self.time, lambda _: None)
        self.facts = Facts(self.cluster, self.time, lambda _: None)
        models = ModelRounds(self.cluster, self.chart, children, self.downloads, self.facts, clock)
        fleet = Fleet(self.tracked, children, self.downloads, slots, clock)
        self.reconciler = Reconciler(
            self.cluster,
            models,
            Applier(self.cluster, children, fleet, slots, self.metrics),
            Observer(children, self.facts, clock),
            Reporter(self.cluster, children, self.metrics, clock),
            self.metrics,
            resync_s=60,
            allowed=AllowedNames(),
            server=self.server,
        )

    async def round(self, reranker: Reranker) -> Outcome:
        """One round on the resource with the status that was last written."""
        status = self.cluster.status.get(reranker.uid, reranker.status)
        tracked = self.tracked.see(replace(reranker, status=status, resource_version="999"))
        assert tracked is not None
        return await self.reconciler.reconcile(tracked)

    def condition(self, reranker: Reranker, kind: str) -> dict[str, Any]:
        conditions = self.cluster.status[reranker.uid]["conditions"]
        return next(each for each in conditions if each["type"] == kind)


class FakeLeases:
    """Leases in memory; a write with an old version is refused."""

    def __init__(self) -> None:
        self.leases: dict[str, dict[str, Any]] = {}
        self.is_away = False
        self.is_forbidden = False
        self.silent_requests = 0
        self.was_written = asyncio.Event()

    async def request(self, method: str, path: str, **kwargs: Any) -> Any:
        if self.is_away:
            raise ClusterUnavailable("away")
        if self.is_forbidden:
            raise RefusedByCluster("leases is forbidden")
        if self.silent_requests:
            self.silent_requests -= 1
            await asyncio.Event().wait()
        if method == "post":
            path = f"{path}/{kwargs['body']['metadata']['name']}"
            if path in self.leases:
                raise Contended("exists")
            return self._keep(path, kwargs["body"])
        if path.endswith("/leases"):
            return {"items": [copy.deepcopy(lease) for lease in self.leases.values()]}
        if path not in self.leases:
            raise KindNotInstalled("no such Lease")
        if method == "put":
            if kwargs["body"]["metadata"]["resourceVersion"] != self.leases[path]["metadata"]["resourceVersion"]:
                raise Contended("another was faster")
            return self._keep(path, kwargs["body"])
        return copy.deepcopy(self.leases[path])

    def _keep(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        version = int(self.leases.get(path, {}).get("metadata", {}).get("resourceVersion", 0)) + 1
        body = copy.deepcopy(body)
        body["metadata"]["resourceVersion"] = str(version)
        self.leases[path] = body
        self.was_written.set()
        return copy.deepcopy(body)
