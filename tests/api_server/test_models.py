"""Models that change, against a real API server and Kubernetes' own controllers, with pods that are played."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.control_plane.operators import account, operator
from tests.control_plane.processes import ControlPlane
from tests.e2e.kubernetes import Namespace, wait_until
from tests.e2e.operated import Operated

RECORD = "bge-reranker.io/model-change"
FIRST, SECOND = {"source": "file:///models/first"}, {"source": "file:///models/second"}
NOWHERE = {"nodeSelector": {"there-is": "no-such-node"}}
SHARED = {"type": "pvc", "size": "1Gi", "storageClass": "played"}
LIMIT_S = 60


@contextmanager
def operated(plane: ControlPlane, namespace: Namespace) -> Iterator[None]:
    with operator(
        plane, account(plane, namespace.name), watch_namespace=namespace.name, resync_interval_s=5
    ) as process:
        process.start_and_await_work()
        yield


def template(products: Operated) -> dict[str, Any]:
    found: dict[str, Any] = products.get("deployment")["spec"]["template"]
    return found


def model(products: Operated) -> str:
    return str(json.loads(template(products)["metadata"]["annotations"]["bge-reranker.io/model"])["source"])


def record(products: Operated) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(products.get("deployment")["metadata"]["annotations"].get(RECORD, "{}"))
    return found


def history(products: Operated) -> list[tuple[str, str]]:
    entries = products.get()["status"].get("history", [])
    return [(each["source"], each["verdict"]) for each in entries]


def test_a_model_that_changes_is_told_in_the_status_and_leaves_nothing_on_the_deployment(
    plane: ControlPlane, products: Operated
) -> None:
    with operated(plane, products.namespace):
        products.apply(model=FIRST)
        products.await_ready()
        products.apply(model=SECOND)
        products.await_ready()
        assert model(products) == SECOND["source"]
        wait_until(lambda: record(products) == {}, "nothing is left on the Deployment", LIMIT_S)
        assert history(products) == [(SECOND["source"], "Active"), (FIRST["source"], "Active")]


def test_pods_that_never_get_ready_give_way_to_the_very_ones_that_served(
    plane: ControlPlane, products: Operated
) -> None:
    namespace = products.namespace
    with operated(plane, namespace):
        products.apply(model=FIRST)
        products.await_ready()
        before = namespace.get("deployment", "products", "--show-managed-fields=false")["spec"]["template"]
        served = {pod["metadata"]["name"] for pod in namespace.get("pods")["items"]}
        wrong = {"model": SECOND, "rollout": {"progressDeadlineSeconds": 10}, **NOWHERE}
        products.apply(**wrong)
        assert products.await_reason("ModelReady", "DeadlineExceeded", LIMIT_S)["status"] == "False"
        assert template(products) == before
        wait_until(lambda: {pod["metadata"]["name"] for pod in namespace.get("pods")["items"]} == served, "its pods")
        assert products.condition("Ready")["reason"] == "RolledBack"
        namespace.kubectl(
            "patch", "reranker/products", "--subresource=status", "--type=merge", '--patch={"status": null}'
        )
        products.await_reason("Ready", "RolledBack", LIMIT_S)
        assert template(products) == before, "a deleted status tries nothing again"
        assert history(products) == [(SECOND["source"], "DeadlineExceeded")]
        products.apply(**wrong, replicas=3)
        wait_until(lambda: products.get("deployment")["status"].get("availableReplicas") == 3, "another count", LIMIT_S)
        assert model(products) == FIRST["source"]
        namespace.kubectl("annotate", "reranker/products", "bge-reranker.io/retry=monday")
        wait_until(lambda: model(products) == SECOND["source"], "another try", LIMIT_S)
        products.apply(model=SECOND)
        products.await_ready()
        assert record(products) == {"retry": "monday"}


def test_a_kept_version_is_pinned_until_the_model_of_the_spec_changes(plane: ControlPlane, products: Operated) -> None:
    with operated(plane, products.namespace):
        for each in (FIRST, SECOND):
            products.apply(model=each)
            products.await_ready()
        products.namespace.kubectl("annotate", "reranker/products", f"bge-reranker.io/rollback={FIRST['source']}")
        products.await_reason("Ready", "PinnedByAnnotation", LIMIT_S)
        assert model(products) == FIRST["source"]
        products.apply(model={"source": "file:///models/third"})
        products.await_ready()
        assert model(products) == "file:///models/third"


def test_a_job_fetches_onto_a_shared_volume_before_the_pods_change_and_goes(
    plane: ControlPlane, products: Operated
) -> None:
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "storageClassName": "played"}
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"played-{products.namespace.name}"}}
    body = {**volume, "spec": {**spec, "hostPath": {"path": "/nowhere"}}}
    plane.kubectl("create", "--filename=-", text_input=json.dumps(body))
    with operated(plane, products.namespace):
        products.apply(model={"source": "hf://org/model", "revision": "first"}, cache=SHARED)
        products.await_ready()
        assert products.namespace.get("jobs")["items"] == [], "the first one is the pods' own to fetch"
        products.apply(model={"source": "hf://org/model", "revision": "second"}, cache=SHARED, **NOWHERE)
        wait_until(lambda: len(products.namespace.get("jobs")["items"]) == 1, "a Job", LIMIT_S)
        # No node takes the Job's pod, which is told in the scheduler's words for as long as it lasts.
        products.await_reason("Ready", "Unschedulable", LIMIT_S)
        assert products.get()["status"]["history"][0]["verdict"] == "Fetching"
        assert '"revision":"first"' in template(products)["metadata"]["annotations"]["bge-reranker.io/model"]
        products.apply(model={"source": "hf://org/model", "revision": "second"}, cache=SHARED)
        products.await_ready()
        assert '"revision":"second"' in template(products)["metadata"]["annotations"]["bge-reranker.io/model"]
        wait_until(lambda: products.namespace.get("jobs")["items"] == [], "the Job goes", LIMIT_S)
