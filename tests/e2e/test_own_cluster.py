"""What the cluster of our own promises beside nodes and Services; skipped on a named one, which promises nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import gpus
from tests.cluster.failures import ClusterError
from tests.cluster.layout import CONTEXT, NODES
from tests.cluster.node_images import BUSYBOX
from tests.e2e.kubernetes import Cluster, wait_until

NAMESPACE = "rr-e2e-cluster"
IN_NAMESPACE = f"--namespace={NAMESPACE}"


@pytest.fixture(scope="module", autouse=True)
def namespace(cluster: Cluster) -> Iterator[None]:
    if cluster.context != CONTEXT:
        pytest.skip("not the cluster of our own")
    cluster.delete_namespaces(NAMESPACE, wait=True)
    cluster.kubectl("create", "namespace", NAMESPACE)
    yield
    cluster.delete_namespaces(NAMESPACE, wait=False)


def create(cluster: Cluster, kind: str, name: str, spec: dict[str, Any]) -> None:
    body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}
    cluster.kubectl("create", "--filename=-", text_input=json.dumps(body))


def pod(script: str, **more: Any) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": BUSYBOX.name,
        "imagePullPolicy": "Never",
        "command": ["/bin/sh", "-c", script],
    }
    container |= more.pop("container", {})
    return {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container], **more}


def with_volume(script: str, claim: str, **more: Any) -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    return pod(script, volumes=volumes, container={"volumeMounts": [{"name": "data", "mountPath": "/data"}]}, **more)


def claim(mode: str, **more: str) -> dict[str, Any]:
    return {"accessModes": [mode], "resources": {"requests": {"storage": "1Mi"}}, **more}


def ended(cluster: Cluster, name: str) -> dict[str, Any]:
    """The pod, once it has ended well."""
    wait_until(lambda: phase(cluster, name) in {"Succeeded", "Failed"}, f"pod {name} ends")
    found = cluster.get("pod", name, IN_NAMESPACE)
    assert found["status"]["phase"] == "Succeeded", cluster.kubectl("logs", name, IN_NAMESPACE)
    return found


def phase(cluster: Cluster, name: str) -> str:
    return str(cluster.get("pod", name, IN_NAMESPACE)["status"]["phase"])


def test_a_volume_of_the_default_class_keeps_later_pods_on_the_node_of_the_first(cluster: Cluster) -> None:
    create(cluster, "PersistentVolumeClaim", "local", claim("ReadWriteOnce"))
    create(cluster, "Pod", "writer", with_volume("echo kept > /data/file", "local"))
    node = ended(cluster, "writer")["spec"]["nodeName"]
    create(cluster, "Pod", "reader", with_volume("cat /data/file", "local"))
    assert ended(cluster, "reader")["spec"]["nodeName"] == node
    assert cluster.kubectl("logs", "reader", IN_NAMESPACE) == "kept\n"


def test_a_shared_volume_is_seen_from_both_nodes(cluster: Cluster) -> None:
    create(cluster, "PersistentVolumeClaim", "shared", claim("ReadWriteMany", storageClassName="shared"))
    for node in NODES:
        script = f"echo {node.name} >> /data/file; cat /data/file"
        create(cluster, "Pod", f"on-{node.name}", with_volume(script, "shared", nodeName=node.name))
        ended(cluster, f"on-{node.name}")
    said = cluster.kubectl("logs", f"on-{NODES[-1].name}", IN_NAMESPACE)
    assert said.split() == [node.name for node in NODES]


def test_pretended_gpus_are_counted_and_run_out(cluster: Cluster) -> None:
    for node in NODES:
        gpus.pretend(node, 1)
    for number in range(3):
        wants = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
        create(cluster, "Pod", f"gpu-{number}", pod("sleep 600", container=wants))
    wait_until(lambda: [phase(cluster, f"gpu-{n}") for n in range(3)].count("Running") == 2, "two of three pods run")
    waiting = next(name for name in ("gpu-0", "gpu-1", "gpu-2") if phase(cluster, name) == "Pending")
    conditions = cluster.get("pod", waiting, IN_NAMESPACE)["status"]["conditions"]
    assert any("Insufficient nvidia.com/gpu" in condition.get("message", "") for condition in conditions)
    cluster.kubectl("delete", "pod", "gpu-0", "gpu-1", "gpu-2", IN_NAMESPACE)


def test_a_restricted_namespace_refuses_a_pod_that_runs_as_root(cluster: Cluster) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", NAMESPACE, label)
    try:
        with pytest.raises(ClusterError, match="violates PodSecurity"):
            create(cluster, "Pod", "root", pod("id"))
    finally:
        cluster.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce-")
