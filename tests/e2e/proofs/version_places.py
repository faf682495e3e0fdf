"""Scenes of the proof `versions`: exactly as many places as pods, and a claim that is too small."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.cluster import power
from tests.cluster.commands import run
from tests.cluster.layout import NODES
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


SMALL = "small"
"""Class of a volume for one version and a half."""


def claim_too_small(bench: Bench) -> dict[str, Any]:
    """Told while it lasts; the change goes on by itself once the claim has grown."""
    node = NODES[0]
    folder = node.folder / "small-volume"
    folder.mkdir(exist_ok=True)
    mount = [*power.inside(node), "mount", "-t", "tmpfs"]
    run([*mount, "-o", "size=25m,mode=1777", "tmpfs", str(folder)])
    _volume(bench.cluster, node.name, str(folder))
    cache = {"type": "pvc", "size": "25Mi", "storageClass": SMALL}
    bench = bench.named("little").with_spec(cache=cache)
    bench.begin()
    before = bench.changing.revision()
    with bench.loaded() as figures:
        bench.changing.change("better")
        told = bench.products.await_reason("ModelReady", "DiskFull")
        assert bench.products.condition("Available")["status"] == "True"
        assert bench.changing.revision() == before
        # What its driver does once somebody has asked for a larger claim.
        run([*mount, "-o", "remount,size=100m", "tmpfs", str(folder)])
        bench.changing.await_active("better")
    bench.namespace.kubectl("delete", "reranker", bench.products.name)
    return {**figures, "told": told["message"]}


def _volume(cluster: Cluster, node: str, path: str) -> None:
    place = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    spec = {
        "capacity": {"storage": "25Mi"},
        "accessModes": ["ReadWriteMany"],
        "storageClassName": SMALL,
        "hostPath": {"path": path},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [place]}]}},
    }
    body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": SMALL}, "spec": spec}
    cluster.kubectl("delete", "persistentvolume", SMALL, "--ignore-not-found")
    cluster.kubectl("create", "--filename=-", text_input=json.dumps(body))


def _places(cluster: Cluster, count: int) -> None:
    """Give each node places, which kubelet leaves as they are."""
    path = PLACE.replace("/", "~1")
    patch = [
        {"op": "add", "path": f"/status/{where}/{path}", "value": str(count)} for where in ("capacity", "allocatable")
    ]
    for node in cluster.get("nodes")["items"]:
        name = node["metadata"]["name"]
        cluster.kubectl("patch", "node", name, "--subresource=status", "--type=json", f"--patch={json.dumps(patch)}")
