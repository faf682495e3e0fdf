"""Scenes of the proof `versions`: exactly as many places as pods."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.e2e.kubernetes import Cluster
from tests.e2e.proofs.version_bench import Bench

PLACE = "example.com/place"
"""A resource of nodes of which there are exactly as many as pods, as GPUs are."""


def no_place(bench: Bench) -> dict[str, Any]:
    """Reported while pods may not go in place; then in place, once that is allowed, after the seconds were said."""
    _places(bench.cluster, 1)
    limits = {"memory": "1Gi", PLACE: 1}
    bench = bench.with_spec(resources={"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": limits})
    changing = bench.changing
    changing.change("main", rollout={"mode": "inPlace"})
    changing.await_active("")
    with bench.loaded() as figures:
        changing.change("better", rollout={"surgeWaitSeconds": 10})
        bench.products.await_reason("ModelReady", "Unschedulable")
        time.sleep(20)
        assert changing.products.condition("Available")["status"] == "True"
        changing.change("better", rollout={"surgeWaitSeconds": 10, "allowDowntime": True})
        changing.await_active("better")
    said = bench.events("GoingInPlace")
    assert any("is away for about" in each for each in said), said
    return {**figures, "announced": said[-1]}


def _places(cluster: Cluster, count: int) -> None:
    """Give each node places, which kubelet leaves as they are."""
    path = PLACE.replace("/", "~1")
    patch = [
        {"op": "add", "path": f"/status/{where}/{path}", "value": str(count)} for where in ("capacity", "allocatable")
    ]
    for node in cluster.get("nodes")["items"]:
        name = node["metadata"]["name"]
        cluster.kubectl("patch", "node", name, "--subresource=status", "--type=json", f"--patch={json.dumps(patch)}")
