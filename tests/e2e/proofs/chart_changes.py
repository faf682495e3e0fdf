"""Every change that users make to a release in its life, under load, and the way back from each by `helm rollback`.

Two replicas, mode surge, 5 requests a second: no request may fail. Who decides the replicas is another proof.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.e2e.helm import Release, Values
from tests.e2e.hub_pod import SOURCE, model_hub
from tests.e2e.image_names import OTHER_IMAGE
from tests.e2e.kubernetes import Cluster, SearchPod, failures, search_pod

ADDITIONS = ("crds",)
NAMESPACE = "rr-e2e-changes"
RATE = 5.0

CHANGES: dict[str, Values] = {
    "config": {"config": {"engine": {"maxBatchTokens": 8192}}},
    "resources": {"resources": {"requests": {"cpu": "150m", "memory": "300Mi"}, "limits": {"memory": "1500Mi"}}},
    "cache from emptyDir to ephemeral": {"cache": {"type": "ephemeral", "size": "1Gi"}},
    "cache from emptyDir to pvc": {"cache": {"type": "pvc", "size": "1Gi", "storageClass": "shared"}},
}
"""What changes, with two replicas before and after."""


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Make each change and take it back."""
    with (
        search_pod(cluster, search_image, "rr-e2e-changes-search") as search,
        model_hub(cluster, image) as hub,
        cluster.namespace(NAMESPACE) as namespace,
    ):
        release = Release("demo", namespace, image)
        base: Values = {
            "model": {"source": SOURCE},
            "hub": {"endpoint": hub},
            "cache": {"type": "emptyDir", "size": "1Gi"},
        }
        release.install(base)
        other = Release("demo", namespace, OTHER_IMAGE)
        figures = {"image tag": _there_and_back(release, search, partial(other.upgrade, base))}
        for name, values in CHANGES.items():
            figures[name] = _there_and_back(release, search, partial(release.upgrade, {**base, **values}))
        release.upgrade({**base, "replicas": 1})
        release.await_settled()
        three = {**base, "replicas": 3}
        figures["replicas from 1 to 3"] = _there_and_back(release, search, partial(release.upgrade, three))
        return {"changes": figures, "modes, seconds to settle": _modes(release, base)}


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


def _modes(release: Release, base: Values) -> dict[str, float]:
    """From each mode to each other; the API server refuses a strategy with fields of another."""
    took = {}
    for before, mode in (
        ("surge", "recreate"),
        ("recreate", "inPlace"),
        ("inPlace", "recreate"),
        ("recreate", "surge"),
    ):
        values = {**base, "rollout": {"mode": mode}, "podAnnotations": {"after": before}}
        took[f"{before} to {mode}"] = _settled(release, partial(release.upgrade, values))
        kind = release.get("deployment")["spec"]["strategy"]["type"]
        assert kind == ("Recreate" if mode == "recreate" else "RollingUpdate"), kind
    return took
