"""Bodies of objects, as the API server and the chart would write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reranker_operator.kinds import RERANKER
from reranker_operator.resource import Reranker

NAMESPACE = "search"


def reranker(
    name: str = "products",
    *,
    uid: str = "uid-1",
    generation: int = 1,
    version: int = 1,
    is_being_deleted: bool = False,
    status: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> Reranker:
    return Reranker.from_body(
        {
            "apiVersion": RERANKER.api_version,
            "kind": RERANKER.name,
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "uid": uid,
                "generation": generation,
                "resourceVersion": str(version),
                "annotations": dict(annotations or {}),
                **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if is_being_deleted else {}),
            },
            "spec": {"replicas": 1, **spec},
            "status": dict(status or {}),
        }
    )


def labels(name: str, fullname: str = "") -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "bge-reranker",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/managed-by": "Helm",
        "bge-reranker.io/fullname": fullname or name,
    }


def deployment(
    name: str = "products", *, replicas: int | None = 1, image: str = "scorer:1", fullname: str = ""
) -> dict[str, Any]:
    selector = {"app.kubernetes.io/instance": name, "bge-reranker.io/fullname": fullname or name}
    containers = [{"name": "scorer", "image": image}]
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector},
        "template": {"metadata": {"labels": selector}, "spec": {"containers": containers}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": fullname or name, "labels": labels(name, fullname)},
        "spec": spec,
    }


def versioned(
    body: dict[str, Any], model: Mapping[str, str], policy: Mapping[str, Any], gate: str = ""
) -> dict[str, Any]:
    """A Deployment that says which version its pods have, and how they are replaced."""
    said = {"bge-reranker.io/model": json.dumps({"digest": "", "revision": "", "source": "", **model})}
    body["spec"]["template"]["metadata"]["annotations"] = said | ({"bge-reranker.io/gate-hash": gate} if gate else {})
    body["metadata"]["annotations"] = {"bge-reranker.io/rollout": json.dumps(policy)}
    if policy.get("shadow"):
        body["spec"]["template"]["metadata"]["annotations"]["bge-reranker.io/shadow"] = "fed"
    return body


def shadow_deployment(name: str, version: Mapping[str, str]) -> dict[str, Any]:
    """The Deployment of a version that is compared."""
    body = versioned(deployment(name), version, {})
    body["metadata"] |= {"name": f"{name}-shadow", "annotations": {}}
    component = {"app.kubernetes.io/component": "shadow"}
    body["metadata"]["labels"] = body["metadata"]["labels"] | component
    selector = body["spec"]["selector"]["matchLabels"] | component
    body["spec"]["selector"]["matchLabels"] = body["spec"]["template"]["metadata"]["labels"] = selector
    return body


def fetch_job(name: str, version: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": f"{name}-fetch-{version.get('revision')}", "labels": labels(name)}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": {}}}}


def service(name: str = "products", *, fullname: str = "", called: str = "") -> dict[str, Any]:
    ports = [{"name": "http", "port": 8000}]
    selector = {"bge-reranker.io/fullname": fullname or name}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": called or fullname or name, "labels": labels(name, fullname)},
        "spec": {"ports": ports, "selector": selector},
    }


def seen(name: str, version: int, owner: str = "products") -> dict[str, Any]:
    """A Service of a Reranker as the API server shows it."""
    body = service(owner)
    metadata = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {**body, "metadata": {**body["metadata"], **metadata}}


def autoscaler(name: str = "products", *, fullname: str = "", least: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": fullname or name, "labels": labels(name, fullname)},
        "spec": {"minReplicas": least, "maxReplicas": 4},
    }


def scaled_object(name: str = "products") -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "labels": labels(name)},
        "spec": {"minReplicaCount": 1, "fallback": {"replicas": 2}, "triggers": [{"type": "prometheus"}]},
    }


def claim(name: str = "products", *, is_retained: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": f"{name}-cache", "labels": labels(name)}
    if is_retained:
        metadata["annotations"] = {"helm.sh/resource-policy": "keep"}
    spec = {"accessModes": ["ReadWriteMany"], "storageClassName": "nfs"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def pod(
    name: str = "products-1",
    *,
    instance: str = "products",
    controller: str = "uid-set",
    is_ready: bool = False,
    conditions: list[dict[str, str]] | None = None,
    containers: list[dict[str, Any]] | None = None,
    created: str = "2026-01-01T00:00:00Z",
    controller_kind: str = "ReplicaSet",
) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True" if is_ready else "False"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "creationTimestamp": created,
            "labels": {"app.kubernetes.io/instance": instance},
            "ownerReferences": [controlled_by(controller_kind, controller)] if controller else [],
        },
        "status": {
            "podIP": "10.0.0.1",
            "conditions": [ready, *(conditions or [])],
            "containerStatuses": containers or [],
        },
    }


def replica_set(
    deployment_uid: str, *, uid: str = "uid-set", revision: int = 1, template: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    noted = {"deployment.kubernetes.io/revision": str(revision)}
    metadata = {"name": uid, "namespace": NAMESPACE, "uid": uid, "annotations": noted}
    owners = [controlled_by("Deployment", deployment_uid)]
    whole = {**metadata, "ownerReferences": owners}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": whole, "spec": {"template": template or {}}}


def controlled_by(kind: str, uid: str) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "name": "any", "uid": uid, "controller": True}
