"""Every change that users make to a release in its life, under load, and the way back from each.

Two replicas, mode surge, 5 requests a second: no request may fail. What somebody else set (an autoscaler, `kubectl
scale`) is taken back by `--force-conflicts` only. How far switching autoscaling on drops the Deployment is measured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.cluster.failures import ClusterError
from tests.e2e.helm import Release, Values
from tests.e2e.hub_pod import SOURCE, model_hub
from tests.e2e.image_names import OTHER_IMAGE
from tests.e2e.kubernetes import Cluster, SearchPod, failures, search_pod, wait_until

ADDITIONS = ("crds",)
NAMESPACE = "rr-e2e-changes"
RATE = 5.0
AUTOSCALING: Values = {
    "autoscaling": {
        "enabled": True,
        "minReplicas": 2,
        "maxReplicas": 3,
        "backlogSeconds": {"enabled": False},
        "cpu": {"enabled": True, "targetPercent": 1000},
    }
}


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Make each change and take it back."""
    with (
        search_pod(cluster, search_image, "rr-e2e-changes-search") as search,
        model_hub(cluster, image) as hub,
        cluster.namespace(NAMESPACE) as place,
    ):
        release = Release("demo", place, image)
        base: Values = {
            "model": {"source": SOURCE},
            "hub": {"endpoint": hub},
            "cache": {"type": "emptyDir", "size": "1Gi"},
        }
        release.install(base)
        changes: dict[str, Values] = {
            "config": {"config": {"engine": {"maxBatchTokens": 8192}}},
            "replicas from 2 to 3": {"replicas": 3},
            "replicas from 2 to 1": {"replicas": 1},
            "resources": {
                "resources": {"requests": {"cpu": "150m", "memory": "300Mi"}, "limits": {"memory": "1500Mi"}}
            },
            "cache from emptyDir to ephemeral": {"cache": {"type": "ephemeral", "size": "1Gi"}},
            "cache from emptyDir to pvc": {"cache": {"type": "pvc", "size": "1Gi", "storageClass": "shared"}},
        }
        figures = {
            name: _there_and_back(release, search, partial(release.upgrade, {**base, **values}))
            for name, values in changes.items()
        }
        other = Release("demo", place, OTHER_IMAGE)
        figures["image tag"] = _there_and_back(release, search, lambda: other.upgrade(base))
        return {
            "changes": figures,
            "kubectl scale": _scaled_by_hand(release, base),
            "autoscaling": _autoscaling(release, search, base),
            "modes": _modes(release, base),
        }


def _there_and_back(release: Release, search: SearchPod, change: Callable[[], object]) -> dict[str, Any]:
    with search.start_load(release.url, RATE) as load:
        there_s = _settled(release, change)
        back_s = _settled(release, release.rollback)
        outcomes = load.outcome()
    assert failures(outcomes) == [], failures(outcomes)
    return {"there_s": there_s, "back_s": back_s, "requests": len(outcomes), "failed": 0}


def _settled(release: Release, change: Callable[[], object]) -> float:
    began = time.monotonic()
    change()
    release.await_settled()
    return round(time.monotonic() - began, 1)


def _conflict(change: Callable[[], object]) -> str:
    """The line in which helm names the conflict."""
    with pytest.raises(ClusterError) as refused:
        change()
    return next(line for line in str(refused.value).splitlines() if "conflict" in line)[:300]


def _scaled_by_hand(release: Release, base: Values) -> dict[str, Any]:
    release.namespace.kubectl("scale", f"deployment/{release.name}", "--replicas=3")
    said = _conflict(lambda: release.upgrade({**base, "replicas": 1}))
    release.upgrade(base, "--force-conflicts")
    release.await_settled()
    assert release.get("deployment")["spec"]["replicas"] == 2
    return {"without_force": said, "with_force_conflicts": "2 replicas again"}


def _autoscaling(release: Release, search: SearchPod, base: Values) -> dict[str, Any]:
    with search.start_load(release.url, RATE) as load:
        began = time.monotonic()
        release.helm(*release.upgrade_words({**base, **AUTOSCALING}))
        lowest = release.get("deployment")["spec"]["replicas"]
        wait_until(lambda: release.get("deployment")["spec"]["replicas"] >= 2, "the autoscaler acts")
        acted_s = round(time.monotonic() - began, 1)
        release.await_settled()
        release.upgrade({**base, "replicas": 3}, "--force-conflicts")
        release.await_settled()
        outcomes = load.outcome()
    assert failures(outcomes) == [], failures(outcomes)
    return {
        "replicas_right_after": lowest,
        "autoscaler_acted_after_s": acted_s,
        "off_with_force_conflicts": release.get("deployment")["spec"]["replicas"],
        "with_the_count_handed_over": _handed_over(release, base),
        "requests": len(outcomes),
        "failed": 0,
    }


def _handed_over(release: Release, base: Values) -> int:
    """The way round: another manager holds the count before Helm gives it up."""
    release.upgrade(base, "--force-conflicts")
    release.await_settled()
    held = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": release.name}, "spec": {"replicas": 2}}
    words = ("apply", "--server-side", "--force-conflicts", "--field-manager=handover", "--filename=-")
    release.namespace.kubectl(*words, text_input=json.dumps(held))
    release.helm(*release.upgrade_words({**base, **AUTOSCALING}))
    kept: int = release.get("deployment")["spec"]["replicas"]
    assert kept == 2, "the way round in docs/troubleshooting-kubernetes.md does not hold"
    release.await_settled()
    release.upgrade(base, "--force-conflicts")
    release.await_settled()
    return kept


def _modes(release: Release, base: Values) -> dict[str, float]:
    """From each mode to each other; the API server refuses a strategy with fields of another."""
    took = {}
    for mode in ("recreate", "inPlace", "recreate", "surge"):
        took[mode] = _settled(release, partial(release.upgrade, {**base, "rollout": {"mode": mode}}))
    return took
