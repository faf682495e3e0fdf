"""Others who write the same objects: a second operator, other field managers, people, autoscalers."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.control_plane.operators import OperatorProcess, account, operator
from tests.control_plane.processes import ControlPlane
from tests.e2e.kubernetes import Cluster, Namespace, wait_until
from tests.e2e.operated import Operated

DRIFT_LIMIT_S = 10
KINDS = ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget")


def image_of(products: Operated) -> str:
    return str(products.get("deployment")["spec"]["template"]["spec"]["containers"][0]["image"])


def apply_as(namespace: Namespace, manager: str, body: dict[str, Any], *arguments: str) -> None:
    options = ("--server-side", f"--field-manager={manager}", "--filename=-", *arguments)
    namespace.kubectl("apply", *options, text_input=json.dumps(body))


def deployment(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def has_child(products: Operated, kind: str) -> bool:
    return f"{kind}/products" in products.children()


def has_count(products: Operated, count: int) -> bool:
    return bool(products.get("deployment")["spec"]["replicas"] == count)


def events(namespace: Namespace, reason: str) -> list[str]:
    found = namespace.get("events")["items"]
    return [each["message"] for each in found if each["reason"] == reason]


@pytest.mark.usefixtures("working")
def test_every_kind_of_child_comes_back_when_it_is_deleted(products: Operated) -> None:
    products.apply()
    products.await_ready()
    for kind in KINDS:
        assert f"{kind}/products" in products.children()
        uid = products.get(kind)["metadata"]["uid"]
        products.namespace.kubectl("delete", kind, "products", "--cascade=background")
        wait_until(partial(has_child, products, kind), f"{kind} is back", DRIFT_LIMIT_S)
        assert products.get(kind)["metadata"]["uid"] != uid
    products.await_ready()
    said = " ".join(events(products.namespace, "DriftRepaired"))
    assert all(f"{kind} products was deleted by another hand" in said for kind in KINDS)


@pytest.mark.usefixtures("working")
def test_what_another_field_manager_takes_by_force_is_taken_back_and_what_is_its_own_is_left(
    products: Operated,
) -> None:
    products.apply()
    products.await_ready()
    rival = {"containers": [{"name": "scorer", "image": "localhost/rival:1"}]}
    theirs = deployment("products", template={"spec": rival})
    theirs["metadata"]["annotations"] = {"rival.example/note": "mine"}
    apply_as(products.namespace, "rival", theirs, "--force-conflicts")
    wait_until(lambda: image_of(products) == "localhost/played:1", "the image is ours again", DRIFT_LIMIT_S)
    products.await_ready()
    live = products.get("deployment")
    assert live["metadata"]["annotations"]["rival.example/note"] == "mine"
    assert len(events(products.namespace, "DriftRepaired")) == 1


@pytest.mark.usefixtures("working")
def test_what_is_added_by_hand_stays_and_is_told_and_a_restart_is_no_drift(products: Operated) -> None:
    products.apply()
    products.await_ready()
    namespace = products.namespace
    namespace.kubectl("rollout", "restart", "deployment/products")
    namespace.kubectl("scale", "deployment/products", "--replicas=3")
    wait_until(lambda: has_count(products, 2), "the count is ours again", DRIFT_LIMIT_S)
    products.await_ready()
    assert products.condition("Drifted")["status"] == "False"
    namespace.kubectl("set", "env", "deployment/products", "ADDED=yes")
    said = products.await_reason("Drifted", "SetByOthers", 60)
    assert "kubectl-set set spec.template.spec.containers[scorer].env[ADDED] of Deployment products." in said["message"]
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    sidecar = {"name": "sidecar", "image": "localhost/played:1", "securityContext": restricted}
    theirs = deployment("products", template={"spec": {"containers": [sidecar]}})
    apply_as(namespace, "mallory", theirs)
    both = ("kubectl-set set", "mallory set spec.template.spec.containers[sidecar] of Deployment products")
    wait_until(
        lambda: all(each in products.condition("Drifted").get("message", "") for each in both), "both are told", 60
    )
    products.apply(commonLabels={"round": "after"})
    products.await_ready()
    pod = products.get("deployment")["spec"]["template"]["spec"]
    assert [each["name"] for each in pod["containers"]] == ["scorer", "sidecar"]
    assert any("mallory" in each for each in events(namespace, "Drifted"))
    namespace.kubectl("set", "env", "deployment/products", "ADDED-")
    apply_as(namespace, "mallory", deployment("products"))
    products.await_reason("Drifted", "AsApplied", 60)


def test_a_second_operator_waits_and_takes_over_when_the_first_is_gone_or_hangs(
    plane: ControlPlane, products: Operated, working: OperatorProcess
) -> None:
    token = account(plane, products.namespace.name)
    namespace = products.namespace.name
    products.apply()
    products.await_ready()
    with operator(plane, token, watch_namespace=namespace, identity="second") as second:
        second.start()
        wait_until(lambda: "waiting_for_lease" in second.said, "the second waits", 60)
        assert not second.holds_lease
        working.running.send_signal(signal.SIGSTOP)
        second.await_work()
        products.apply(commonLabels={"round": "second"})
        products.await_ready()
        working.running.send_signal(signal.SIGCONT)
        assert working.running.wait(timeout=60) == 1, "the first ends when it finds its Lease lost"
        assert "is another's now" in working.said
        assert products.get("deployment")["metadata"]["labels"]["round"] == "second"
        assert second.stop() == 0
        working.start_and_await_work()
        products.apply(commonLabels={"round": "first"})
        products.await_ready()
    assert events(products.namespace, "DriftRepaired") == [], "they never undid each other's work"


def test_a_cluster_wide_operator_leaves_namespaces_alone_that_have_their_own(
    plane: ControlPlane, products: Operated, working: OperatorProcess
) -> None:
    token = account(plane, "default", cluster_wide=True)
    with (
        Cluster("tests").namespace("rr-elsewhere") as elsewhere,
        operator(plane, token, identity="wide", resync_interval_s=5) as wide,
    ):
        wide.start_and_await_work()
        other = replace(products, namespace=elsewhere)
        for each in (products, other):
            each.apply()
            each.await_ready()
        written = wide.metric("writes_total")
        products.apply(commonLabels={"round": "own"})
        products.await_ready()
        assert wide.metric("writes_total") == written
        working.kill()
        products.apply(commonLabels={"round": "orphaned"})
        products.await_ready()
        assert wide.metric("writes_total") > written
        assert events(products.namespace, "DriftRepaired") == [], "they never undid each other's work"


@pytest.mark.usefixtures("working")
def test_the_resource_is_scaled_by_kubectl_by_an_autoscaler_and_by_who_writes_the_scale_subresource(
    products: Operated, plane: ControlPlane
) -> None:
    products.apply()
    products.await_ready()
    namespace = products.namespace
    namespace.kubectl("scale", "reranker/products", "--replicas=4")
    products.await_ready()
    assert products.get("deployment")["spec"]["replicas"] == 4
    scale = f"/apis/bge-reranker.io/v1alpha1/namespaces/{namespace.name}/rerankers/products/scale"
    found = json.loads(plane.kubectl("get", f"--raw={scale}"))
    assert found["status"] == {"replicas": 4, "selector": products.get()["status"]["selector"]}
    pods = namespace.get("pods", f"--selector={found['status']['selector']}")["items"]
    assert len(pods) == 4, "an autoscaler finds the pods by this selector"
    # As KEDA does, which wakes what sleeps by this subresource and leaves the rest to an autoscaler.
    for count in (0, 1):
        found["spec"]["replicas"] = count
        plane.kubectl("replace", f"--raw={scale}", "--filename=-", text_input=json.dumps(_unversioned(found)))
        wait_until(partial(has_count, products, count), f"{count} replicas", 60)
    products.await_ready()
    namespace.create(_autoscaler(least=3))
    wait_until(lambda: products.get("deployment")["spec"]["replicas"] == 3, "the autoscaler's least count", 120)
    products.await_ready()
    assert products.get()["spec"]["replicas"] == 3, "it scales the resource, and the operator follows"


def _unversioned(scale: dict[str, Any]) -> dict[str, Any]:
    return {**scale, "metadata": {key: value for key, value in scale["metadata"].items() if key != "resourceVersion"}}


def _autoscaler(least: int) -> dict[str, Any]:
    target = {"apiVersion": "bge-reranker.io/v1alpha1", "kind": "Reranker", "name": "products"}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 6, "metrics": [metric]}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "theirs"},
        "spec": spec,
    }
