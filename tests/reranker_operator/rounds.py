"""What tests of whole rounds share: an event loop for each, names of objects, a Deployment that is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from reranker_operator.kinds import Ref, ref_of

from .bodies import NAMESPACE, replica_set
from .fakes import Bench

DEPLOYMENT = Ref("apps/v1", "Deployment", NAMESPACE, "products")
SERVICE = Ref("v1", "Service", NAMESPACE, "products")
AUTOSCALER = Ref("autoscaling/v2", "HorizontalPodAutoscaler", NAMESPACE, "products")
CLAIM = Ref("v1", "PersistentVolumeClaim", NAMESPACE, "products-cache")


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


def deployment_ref(name: str) -> Ref:
    return Ref("apps/v1", "Deployment", NAMESPACE, name)


def service_ref(name: str) -> Ref:
    return Ref("v1", "Service", NAMESPACE, name)


def complete(bench: Bench, replicas: int = 1, *, revision: int = 1, ref: Ref = DEPLOYMENT) -> None:
    """The Deployment controller is done."""
    metadata = bench.cluster.objects[ref]["metadata"]
    metadata.setdefault("annotations", {})["deployment.kubernetes.io/revision"] = str(revision)
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    done = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    bench.cluster.say(ref, observedGeneration=metadata["generation"], conditions=[done], **counts)


def image_of(bench: Bench, ref: Ref = DEPLOYMENT) -> str:
    return str(bench.cluster.objects[ref]["spec"]["template"]["spec"]["containers"][0]["image"])


def put_pods(bench: Bench, *pods: dict[str, Any], ref: Ref = DEPLOYMENT) -> None:
    """The ReplicaSet of the Deployment, and pods beside it."""
    for body in (replica_set(bench.cluster.objects[ref]["metadata"]["uid"]), *pods):
        bench.cluster.children.put(ref_of(body), body)
