"""Specs that cannot be: who refuses them, in what words, and what stays as it was."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.failures import ClusterError
from tests.e2e.kubernetes import Namespace, wait_until
from tests.e2e.operated import Operated

pytestmark = pytest.mark.usefixtures("working")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"replikas": 2}, 'unknown field "spec.replikas"'),
        ({"config": {"engine": {"maxBatchTokenz": 1}}}, 'unknown field "spec.config.engine.maxBatchTokenz"'),
        ({"replicas": "two"}, "spec.replicas"),
        ({"replicas": -1}, "spec.replicas"),
        ({"cache": {"type": "floppy"}}, "spec.cache.type"),
        ({"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 2}}, "minReplicas is greater"),
        ({"cache": {"type": "pvc", "accessMode": "ReadWriteOnce"}}, "lets one node mount the volume"),
        ({"cache": {"type": "existing"}}, "name the claim in cache.existingClaim"),
        ({"cache": {"type": "image"}}, "name the image in cache.image"),
    ],
)
def test_the_api_server_refuses_with_a_sentence(products: Operated, spec: dict[str, Any], words: str) -> None:
    with pytest.raises(ClusterError, match=words):
        products.apply(**spec)


def test_a_combination_that_only_the_chart_knows_to_be_impossible_is_quoted(products: Operated) -> None:
    products.apply()
    products.await_ready()
    before = products.get("deployment")["spec"]
    products.apply(config={"model": {"device": "cuda"}})
    said = products.await_reason("Ready", "InvalidSpec", 60)
    assert (
        "config.model.device is cuda and gpu.count is 0, so the pod has no GPU. Set gpu.count to 1" in said["message"]
    )
    assert products.condition("Stalled")["status"] == "True"
    assert products.get("deployment")["spec"] == before


LIMIT_RANGE = {
    "kind": "LimitRange",
    "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
}
PODS_QUOTA = {"kind": "ResourceQuota", "spec": {"hard": {"requests.memory": "64Mi"}}}
OBJECTS_QUOTA = {"kind": "ResourceQuota", "spec": {"hard": {"count/deployments.apps": "0"}}}


def limit(place: Namespace, body: dict[str, Any]) -> None:
    place.create({"apiVersion": "v1", "metadata": {"name": "limit"}, **body})
    if body["kind"] == "ResourceQuota":
        wait_until(lambda: "status" in place.get("resourcequota", "limit"), "the quota is reckoned", 60)


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (LIMIT_RANGE, "PodsRefused", "maximum memory usage per Container is 64Mi"),
        (PODS_QUOTA, "PodsRefused", "exceeded quota: limit, requested: requests.memory=256Mi"),
        (OBJECTS_QUOTA, "RefusedByCluster", "exceeded quota: limit, requested: count/deployments.apps=1"),
    ],
)
def test_quota_and_limit_range_are_quoted(products: Operated, body: dict[str, Any], reason: str, words: str) -> None:
    limit(products.namespace, body)
    products.apply()
    said = products.await_reason("Ready", reason, 60)
    assert words in said["message"]
    assert products.condition("Stalled")["status"] == "True"
    products.namespace.kubectl("delete", body["kind"], "limit")
    products.await_ready()
    assert products.condition("Stalled")["status"] == "False"
    assert "lastFailure" not in products.get()["status"]


@pytest.mark.parametrize("body", [LIMIT_RANGE, PODS_QUOTA])
def test_a_workload_goes_on_when_its_successor_is_refused(products: Operated, body: dict[str, Any]) -> None:
    products.apply()
    products.await_ready()
    pods = {pod["metadata"]["uid"] for pod in products.namespace.get("pods")["items"]}
    limit(products.namespace, body)
    products.apply(podAnnotations={"second": "yes"})
    products.await_reason("Ready", "PodsRefused", 60)
    assert products.condition("Available")["status"] == "True"
    assert {pod["metadata"]["uid"] for pod in products.namespace.get("pods")["items"]} == pods
    products.namespace.kubectl("delete", body["kind"], "limit")
    products.await_ready()


def test_pod_security_is_quoted_and_the_workload_goes_on(products: Operated) -> None:
    products.apply()
    products.await_ready()
    pods = {pod["metadata"]["uid"] for pod in products.namespace.get("pods")["items"]}
    products.apply(extraVolumes=[{"name": "host", "hostPath": {"path": "/etc"}}])
    said = products.await_reason("Ready", "PodsRefused", 60)
    assert "violates PodSecurity" in said["message"]
    assert "hostPath" in said["message"]
    assert {pod["metadata"]["uid"] for pod in products.namespace.get("pods")["items"]} == pods
    products.apply()
    products.await_ready()
