"""Fewer replicas: the pod that serves stays, whichever it is. The autoscaler's controller decides the count.

It lowers the count to a smaller `maxReplicas` without any metric, which no adapter serves here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api_server.test_moves import NOWHERE, followed
from tests.e2e.kubernetes import Namespace, wait_until
from tests.e2e.operated import Operated

MANY = 3


def autoscaled(most: int) -> dict[str, Any]:
    return {"autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": most}, "replicas": MANY}


def live_pods(namespace: Namespace) -> list[str]:
    """Names of pods that are not on their way out, oldest first."""
    found = namespace.get("pods", "--sort-by=.metadata.creationTimestamp")["items"]
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


def make_unready(namespace: Namespace, pods: list[str]) -> None:
    """As their kubelets would when probes fail; whoever plays the nodes leaves it so."""
    condition = [{"type": kind, "status": "False", "reason": "ProbesFail"} for kind in ("Ready", "ContainersReady")]
    patch = json.dumps({"status": {"conditions": condition}})
    for pod in pods:
        namespace.kubectl("patch", "pod", pod, "--subresource=status", "--type=strategic", f"--patch={patch}")


def served_by(namespace: Namespace) -> set[str]:
    """Pods that the Service leads to."""
    slices = namespace.get("endpointslices", "--selector=kubernetes.io/service-name=products")["items"]
    endpoints = [each for found in slices for each in found.get("endpoints") or ()]
    return {each["targetRef"]["name"] for each in endpoints if each["conditions"].get("ready")}


def available(products: Operated) -> int:
    return int(products.get("deployment")["status"].get("availableReplicas", 0))


@pytest.fixture
def many(products: Operated) -> Operated:
    """Three ready pods, whose count is an autoscaler's."""
    products.apply(replicas=MANY)
    products.await_ready()
    products.apply(**autoscaled(MANY))
    products.await_ready()
    assert len(live_pods(products.namespace)) == MANY
    return products


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize("serving", [0, MANY - 1], ids=["oldest", "newest"])
def test_the_only_ready_pod_stays_when_the_autoscaler_takes_pods_away(many: Operated, serving: int) -> None:
    namespace = many.namespace
    only = live_pods(namespace)[serving]
    make_unready(namespace, [pod for pod in live_pods(namespace) if pod != only])
    wait_until(lambda: served_by(namespace) == {only}, "one pod serves", 60)
    wait_until(lambda: available(many) == 1, "the Deployment knows", 60)
    with followed(namespace, many.name) as service:
        many.apply(**autoscaled(1))
        wait_until(lambda: live_pods(namespace) == [only], "the autoscaler has taken the others", 60)
        many.await_reason("Ready", "AllReplicasReady", 60)
        assert all(service.moments()), "callers reached nobody for a moment"


@pytest.mark.usefixtures("working")
def test_a_version_that_serves_keeps_a_pod_when_pods_are_taken_away_while_its_successor_starts(many: Operated) -> None:
    namespace = many.namespace
    before = set(live_pods(namespace))
    with followed(namespace, many.name) as service:
        many.apply(**autoscaled(MANY), **NOWHERE)
        wait_until(lambda: len(live_pods(namespace)) == MANY + 1, "a pod of the new version waits for a node", 60)
        many.apply(**autoscaled(1), **NOWHERE)
        wait_until(lambda: len(live_pods(namespace)) == 2, "the autoscaler has taken two pods", 60)
        (kept,) = before & set(live_pods(namespace))
        assert served_by(namespace) == {kept}
        many.apply(**autoscaled(1))
        many.await_ready()
        assert set(live_pods(namespace)) == {kept}, "the successor has gone, and nothing else"
        assert all(service.moments()), "callers reached nobody for a moment"
