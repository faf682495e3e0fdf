"""Who decides the replicas: Helm, `kubectl scale`, or an autoscaler, and how each hands over to the next.

What somebody else owns is taken back by `--force-conflicts` only; an autoscaler owns the count where somebody owned it
before. How far switching autoscaling on drops the Deployment is measured, and that the way round it in
docs/troubleshooting-kubernetes.md holds. Then the autoscaler acts: on CPU time out of metrics-server, and on the
backlog out of Prometheus.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.cluster.failures import ClusterError
from tests.e2e.helm import Release, Values
from tests.e2e.kubernetes import Cluster, SearchPod, failures, search_pod, wait_until

ADDITIONS = ("crds", "prometheus", "adapter")
NAMESPACE = "rr-e2e-scaling"
RATE = 5.0

ON_CPU: Values = {
    "enabled": True,
    "backlogSeconds": {"enabled": False},
    "cpu": {"enabled": True, "targetPercent": 1000},
}
IDLE: Values = {"autoscaling": {**ON_CPU, "minReplicas": 2, "maxReplicas": 3}}
"""An autoscaler that has no reason to add a replica."""

QUICK: Values = {"scaleDown": {"stabilizationWindowSeconds": 0}}
"""So that the way down takes a minute and not five."""


class Signal(NamedTuple):
    """What is scaled on, and a load that makes the autoscaler act."""

    autoscaling: Values
    word: str
    """How its event calls the metric."""
    rate: float
    """Requests a second."""
    copies: int
    """Copies of the candidates in each."""


SIGNALS = {
    "CPU time": Signal({**ON_CPU, "cpu": {"enabled": True, "targetPercent": 50}, "behavior": QUICK}, "cpu", 20.0, 1),
    "backlog": Signal({"enabled": True, "behavior": QUICK}, "bge_reranker_backlog_seconds", 2.0, 300),
}


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Hand the replicas around."""
    with (
        search_pod(cluster, search_image, "rr-e2e-scaling-search") as search,
        cluster.namespace(NAMESPACE) as namespace,
    ):
        release = Release("demo", namespace, image)
        release.install()
        return {
            "kubectl scale": _scaled_by_hand(release),
            "switched on and off": _on_and_off(release, search),
            "switched on with the count handed over": _handed_over(release, search),
            "acting": {what: _acting(release, search, signal) for what, signal in SIGNALS.items()},
        }


def _scaled_by_hand(release: Release) -> dict[str, Any]:
    release.namespace.kubectl("scale", f"deployment/{release.name}", "--replicas=3")
    output = _conflict(lambda: release.upgrade({"replicas": 1}))
    _taken_back(release)
    return {"without_force": output, "replicas_with_force_conflicts": _replicas(release)}


def _on_and_off(release: Release, search: SearchPod) -> dict[str, Any]:
    """Two replicas; the autoscaler wants two at least."""
    with search.start_load(release.url, RATE) as load:
        began = time.monotonic()
        release.helm(*release.upgrade_words(IDLE))
        lowest = _replicas(release)
        wait_until(lambda: _replicas(release) == 2, "the autoscaler acts")
        acted_s = round(time.monotonic() - began, 1)
        release.await_settled()
        # The API server records no owner of what an autoscaler sets as long as nobody owns the field, as now.
        release.upgrade({"replicas": 3})
        release.await_settled()
        off = _replicas(release)
        release.upgrade()
        release.await_settled()
        outcomes = load.outcome()
    assert failures(outcomes) == [], failures(outcomes)
    return {
        "replicas_right_after": lowest,
        "autoscaler_acted_after_s": acted_s,
        "replicas_off_without_force": off,
        "requests": len(outcomes),
        "failed": 0,
    }


def _handed_over(release: Release, search: SearchPod) -> dict[str, Any]:
    """The way round: another manager holds the count before Helm gives it up."""
    arguments = ("apply", "--server-side", "--force-conflicts", "--field-manager=handover", "--filename=-")
    held = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": release.name}, "spec": {"replicas": 2}}
    before = {pod["metadata"]["name"] for pod in release.pods()}
    with search.start_load(release.url, RATE) as load:
        release.namespace.kubectl(*arguments, text_input=json.dumps(held))
        release.helm(*release.upgrade_words(IDLE))
        kept = _replicas(release)
        assert kept == 2, "the way round in docs/troubleshooting-kubernetes.md does not hold"
        wait_until(lambda: _is_active(release), "the autoscaler is active")
        after = {pod["metadata"]["name"] for pod in release.pods()}
        assert after == before, "the count was kept, and the pods were not"
        outcomes = load.outcome()
    assert failures(outcomes) == [], failures(outcomes)
    # The autoscaler must be able to move what it was handed: no manager but it decides from now on.
    release.upgrade({"autoscaling": {**IDLE["autoscaling"], "minReplicas": 3}})
    wait_until(lambda: _replicas(release) == 3, "the autoscaler moves the count that was handed over")
    output = _conflict(release.upgrade)
    _taken_back(release)
    return {
        "replicas_right_after": kept,
        "pods_replaced": 0,
        "requests": len(outcomes),
        "failed": 0,
        "moved_by_the_autoscaler_to": 3,
        "off_without_force": output,
        "replicas_off_with_force_conflicts": _replicas(release),
    }


def _acting(release: Release, search: SearchPod, signal: Signal) -> dict[str, Any]:
    """From one replica to two under load, and back to one without."""
    release.upgrade({"replicas": 1})
    release.await_settled()
    release.helm(*release.upgrade_words({"autoscaling": {**signal.autoscaling, "maxReplicas": 2}}))
    wait_until(lambda: _is_active(release), "the autoscaler reads its metric")
    assert _replicas(release) == 1, "it acted before there was a load"
    with search.start_load(release.url, signal.rate, connections=8, copies=signal.copies) as load:
        up_s = _seconds_until(lambda: _replicas(release) == 2, "the autoscaler adds a replica")
        load.outcome()
    down_s = _seconds_until(lambda: _replicas(release) == 1, "the autoscaler takes a replica away")
    event = next(line for line in release.events().splitlines() if "New size: 2" in line and signal.word in line)
    release.upgrade({"replicas": 1}, "--force-conflicts")
    return {"up_after_s": up_s, "down_after_s": down_s, "said": event}


def _taken_back(release: Release) -> None:
    release.upgrade(None, "--force-conflicts")
    release.await_settled()
    assert _replicas(release) == 2


def _conflict(change: Callable[[], object]) -> str:
    """The sentence in which helm names the conflict."""
    with pytest.raises(ClusterError) as refused:
        change()
    conflicts = re.findall(r"Apply failed with .*\.spec\.replicas", str(refused.value))
    assert conflicts, refused.value
    return str(conflicts[-1])


def _replicas(release: Release) -> int:
    count: int = release.get("deployment")["spec"]["replicas"]
    return count


def _is_active(release: Release) -> bool:
    conditions = release.get("hpa").get("status", {}).get("conditions", [])
    return any(found["type"] == "ScalingActive" and found["status"] == "True" for found in conditions)


def _seconds_until(holds: Callable[[], bool], what: str) -> float:
    began = time.monotonic()
    wait_until(holds, what)
    return round(time.monotonic() - began, 1)
