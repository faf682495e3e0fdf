"""Where models lie: a volume that both nodes share and that outlives a release, one of a single node, and an image."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.cluster import loading
from tests.e2e.helm import Release, Values
from tests.e2e.hub_pod import SOURCE, model_hub
from tests.e2e.kubernetes import Cluster, SearchPod, failures, search_pod, wait_until
from tests.e2e.packed_model import pack_model

ADDITIONS = ("crds",)
RATE = 5.0
MODELS = "cluster.local/models:1"
"""An image that holds a store."""


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """One type of cache after the other."""
    with (
        search_pod(cluster, search_image, "rr-e2e-caches-search") as search,
        model_hub(cluster, image) as hub,
        cluster.namespace("rr-e2e-caches") as namespace,
    ):
        release = Release("demo", namespace, image)
        fetched: Values = {"model": {"source": SOURCE}, "hub": {"endpoint": hub}}
        return {
            "pvc, ReadWriteMany, retained": _shared(release, search, fetched),
            "pvc, ReadWriteOnce": _alone(release, fetched),
            "image": _packed(release, search),
        }


def _shared(release: Release, search: SearchPod, fetched: Values) -> dict[str, Any]:
    """One volume for pods of both nodes; what an uninstall leaves of it is taken up again."""
    namespace = release.namespace
    untouched = namespace.objects()
    values: Values = {**fetched, "cache": {"type": "pvc", "size": "1Gi", "storageClass": "shared", "retain": True}}
    release.install(values)
    nodes = {pod["spec"]["nodeName"] for pod in release.pods()}
    assert len(nodes) == 2, f"both pods are on {nodes}, so nothing was shared across nodes"
    with search.start_load(release.url, RATE) as load:
        release.helm("test", release.name)
        outcomes = load.outcome()
    assert failures(outcomes) == [], failures(outcomes)
    release.helm("uninstall", release.name, "--wait")
    kept = namespace.claims()
    left = {f"PersistentVolumeClaim/{claim}" for claim in kept}
    wait_until(lambda: namespace.objects() - untouched == left, "nothing is left but the claim")
    release.install(values)
    assert namespace.claims() == kept, "the retained claim was not taken up again"
    logs = namespace.kubectl("logs", f"deployment/{release.name}", "--container=fetch-model")
    release.helm("uninstall", release.name, "--wait")
    namespace.kubectl("delete", "pvc", "--all")
    return {
        "nodes": sorted(nodes),
        "requests": len(outcomes),
        "failed": 0,
        "left_after_uninstall": kept,
        "second_fetch": logs.splitlines()[-1][:200],
    }


def _alone(release: Release, fetched: Values) -> str:
    values: Values = {**fetched, "replicas": 1, "rollout": {"mode": "inPlace"}}
    values["cache"] = {"type": "pvc", "size": "1Gi", "accessMode": "ReadWriteOnce"}
    release.install(values)
    release.upgrade({**values, "podAnnotations": {"again": "yes"}})
    release.await_settled()
    release.helm("uninstall", release.name, "--wait")
    wait_until(lambda: release.namespace.claims() == [], "a claim that is not retained goes")
    return "installed and rolled in place with one replica; gone after uninstall"


def _packed(release: Release, search: SearchPod) -> dict[str, Any]:
    """A store in an OCI image, mounted read-only, in pods that know no hub."""
    with tempfile.TemporaryDirectory() as folder:
        packed = pack_model(release.cluster, Path(folder))
        loading.load(str(packed.image_archive(MODELS)), Console())
    values: Values = {"model": {"source": packed.source}, "cache": {"type": "image", "image": MODELS}}
    release.install(values)
    with search.start_load(release.url, RATE) as load:
        release.upgrade({**values, "podAnnotations": {"again": "yes"}})
        release.await_settled()
        outcomes = load.outcome()
    assert failures(outcomes) == [], failures(outcomes)
    release.helm("uninstall", release.name, "--wait")
    return {"source": packed.source, "requests": len(outcomes), "failed": 0}
