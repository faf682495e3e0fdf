"""What the cluster of our own promises beside nodes and Services; skipped on a named one, which promises nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import gpus
from tests.cluster.failures import ClusterError
from tests.cluster.layout import CONTEXT, NODES
from tests.cluster.node_images import BUSYBOX
from tests.e2e.kubernetes import Cluster, Namespace, wait_until


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    if cluster.context != CONTEXT:
        pytest.skip("not the cluster of our own")
    with cluster.namespace("rr-e2e-cluster", security="privileged") as namespace:
        yield namespace


def create(namespace: Namespace, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> None:
    version = "networking.k8s.io/v1" if kind == "NetworkPolicy" else "v1"
    namespace.create({"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec})


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


def ended(namespace: Namespace, name: str) -> dict[str, Any]:
    """The pod, once it has ended well."""
    wait_until(lambda: phase(namespace, name) in {"Succeeded", "Failed"}, f"pod {name} ends")
    found = namespace.get("pod", name)
    assert found["status"]["phase"] == "Succeeded", namespace.kubectl("logs", name)
    return found


def phase(namespace: Namespace, name: str) -> str:
    return str(namespace.get("pod", name)["status"]["phase"])


def test_a_volume_of_the_default_class_keeps_later_pods_on_the_node_of_the_first(namespace: Namespace) -> None:
    create(namespace, "PersistentVolumeClaim", "local", claim("ReadWriteOnce"))
    create(namespace, "Pod", "writer", with_volume("echo kept > /data/file", "local"))
    node = ended(namespace, "writer")["spec"]["nodeName"]
    create(namespace, "Pod", "reader", with_volume("cat /data/file", "local"))
    assert ended(namespace, "reader")["spec"]["nodeName"] == node
    assert namespace.kubectl("logs", "reader") == "kept\n"


def test_a_shared_volume_is_seen_from_both_nodes(namespace: Namespace) -> None:
    create(namespace, "PersistentVolumeClaim", "shared", claim("ReadWriteMany", storageClassName="shared"))
    for node in NODES:
        script = f"echo {node.name} >> /data/file; cat /data/file"
        create(namespace, "Pod", f"on-{node.name}", with_volume(script, "shared", nodeName=node.name))
        ended(namespace, f"on-{node.name}")
    output = namespace.kubectl("logs", f"on-{NODES[-1].name}")
    assert output.split() == [node.name for node in NODES]


@pytest.fixture
def one_gpu_each(namespace: Namespace) -> Iterator[None]:
    assert namespace.cluster.context == CONTEXT
    for node in NODES:
        gpus.pretend(node, 1)
    yield
    for node in NODES:
        gpus.pretend(node, 0)


@pytest.mark.usefixtures("one_gpu_each")
def test_pretended_gpus_are_counted_and_run_out(namespace: Namespace) -> None:
    for number in range(3):
        wants = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
        create(namespace, "Pod", f"gpu-{number}", pod("sleep 600", container=wants))
    wait_until(lambda: [phase(namespace, f"gpu-{n}") for n in range(3)].count("Running") == 2, "two of three pods run")
    waiting = next(name for name in ("gpu-0", "gpu-1", "gpu-2") if phase(namespace, name) == "Pending")
    conditions = namespace.get("pod", waiting)["status"]["conditions"]
    assert any("Insufficient nvidia.com/gpu" in condition.get("message", "") for condition in conditions)
    namespace.kubectl("delete", "pod", "gpu-0", "gpu-1", "gpu-2")


def test_a_restricted_namespace_refuses_a_pod_that_runs_as_root(cluster: Cluster, namespace: Namespace) -> None:
    with (
        cluster.namespace(f"{namespace.name}-restricted") as restricted,
        pytest.raises(ClusterError, match="violates PodSecurity"),
    ):
        create(restricted, "Pod", "root", pod("id"))


def test_a_network_policy_lets_in_whom_it_names_and_nobody_else(namespace: Namespace) -> None:
    create(
        namespace,
        "Pod",
        "server",
        pod("echo hello > /tmp/page; busybox httpd -f -p 8080 -h /tmp", nodeName=NODES[0].name),
        labels={"app": "web"},
    )
    clients = {"friend": NODES[1], "stranger-beside": NODES[0], "stranger-afar": NODES[1]}
    for name, node in clients.items():
        create(namespace, "Pod", name, pod("sleep 600", nodeName=node.name), labels={"who": name})
    names = ("server", *clients)
    namespace.kubectl("wait", *(f"pod/{name}" for name in names), "--for=condition=Ready", "--timeout=280s")
    address = namespace.get("pod", "server")["status"]["podIP"]

    def who_gets_in() -> set[str]:
        return {name for name in clients if reaches(namespace, name, address)}

    wait_until(lambda: who_gets_in() == set(clients), "without a policy everyone gets in")
    only_the_friend = {"from": [{"podSelector": {"matchLabels": {"who": "friend"}}}], "ports": [{"port": 8080}]}
    policy = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": [only_the_friend]}
    create(namespace, "NetworkPolicy", "only-the-friend", policy)
    wait_until(lambda: who_gets_in() == {"friend"}, "with the policy the friend alone gets in")
    create(namespace, "NetworkPolicy", "nobody-out", {"podSelector": {}, "policyTypes": ["Egress"]})
    wait_until(lambda: who_gets_in() == set(), "where no pod may send, nobody gets in")


def reaches(namespace: Namespace, client: str, address: str) -> bool:
    # busybox's wget has a time limit of its own, on which the static program crashes.
    script = f"busybox timeout 3 busybox wget -q -O - http://{address}:8080/page || echo out"
    return namespace.kubectl("exec", client, "--", "/bin/sh", "-c", script).strip() == "hello"
