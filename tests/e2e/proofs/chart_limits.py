"""What only the cluster can know, said in events: no GPU, a missing secret, class or image; and the gap on one GPU.

GPUs are pretended, as `make cluster-up GPUS=1` does; the scorer in the pod computes on the CPU.
"""

from __future__ import annotations

import time
from typing import Any

from tests.cluster import gpus
from tests.cluster.layout import NODES
from tests.e2e.helm import Release, Values
from tests.e2e.kubernetes import Cluster, SearchPod, failures, search_pod, wait_until

ADDITIONS = ("crds",)
RATE = 5.0
NAMESPACE = "rr-e2e-limits"
ONE_GPU: Values = {"replicas": 1, "gpu": {"count": 1}}

MISSING: dict[str, tuple[Values, str]] = {
    "storage class": ({"model": {"source": "hf://a/b"}, "cache": {"storageClass": "none-such"}}, "none-such"),
    "secret": (
        {
            "model": {"source": "hf://a/b"},
            "cache": {"type": "emptyDir"},
            "secrets": {"hubToken": {"name": "none-such"}},
        },
        "none-such",
    ),
    "claim": ({"model": {"source": "pvc://none-such/model"}}, "none-such"),
    "image": ({"image": {"registry": "localhost", "repository": "none-such", "tag": "1"}}, "none-such"),
    "priority class": ({"priorityClassName": "none-such"}, "none-such"),
    "runtime class": ({"runtimeClassName": "none-such"}, "none-such"),
    "CA bundle": (
        {
            "model": {"source": "hf://a/b"},
            "cache": {"type": "emptyDir"},
            "secrets": {"caBundle": {"name": "none-such"}},
        },
        "none-such",
    ),
    "GPU": ({"gpu": {"count": 1}}, "Insufficient nvidia.com/gpu"),
}
"""What is missing, with a word that the events must hold."""


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Install what cannot run and read the events; then roll on one GPU under load."""
    figures: dict[str, Any] = {"events": {what: _event(cluster, image, what) for what in MISSING}}
    node = NODES[0]
    gpus.pretend(node, 1)
    try:
        with search_pod(cluster, search_image, "rr-e2e-limits-search") as search:
            figures["one GPU, one replica, inPlace"] = _in_place(cluster, search, image)
    finally:
        gpus.pretend(node, 0)
    return figures


def _event(cluster: Cluster, image: str, what: str) -> str:
    values, word = MISSING[what]
    with cluster.namespace(NAMESPACE) as namespace:
        release = Release("demo", namespace, image)
        notes = release.helm("install", release.name, *release.chart_and_values({"replicas": 1, **values}))

        def lines() -> list[str]:
            return [line for line in release.events().splitlines() if word in line and "Failed" in line]

        wait_until(lambda: bool(lines()), f"an event tells of the missing {what}")
        if what == "GPU":
            assert {pod["status"]["phase"] for pod in release.pods()} == {"Pending"}
            assert f'pods stay Pending with "{word}"' in notes, notes
        return lines()[0][:300]


def _in_place(cluster: Cluster, search: SearchPod, image: str) -> dict[str, Any]:
    """The gap of a rollout without a spare GPU, as callers see it; and that a surge would wait for ever."""
    with cluster.namespace(NAMESPACE) as namespace:
        release = Release("demo", namespace, image)
        values: Values = {**ONE_GPU, "rollout": {"mode": "inPlace"}}
        release.install(values)
        with search.start_load(release.url, RATE, 5.0) as load:
            began = time.monotonic()
            release.upgrade({**values, "podAnnotations": {"again": "yes"}})
            release.await_settled()
            took_s = round(time.monotonic() - began, 1)
            outcomes = load.outcome()
        failed = [outcome["at_s"] for outcome in failures(outcomes)]
        assert failed, "nobody asked during the gap, so nothing was measured"
        assert failures(outcomes[-3:]) == [], "it does not answer again"
        release.helm(*release.upgrade_words({**values, "rollout": {"mode": "surge"}, "podAnnotations": {"again": "2"}}))
        wait_until(lambda: "Insufficient nvidia.com/gpu" in release.events(), "a surge pod finds no GPU")
        return {
            "completed_after_s": took_s,
            "gap_s": round(max(failed) - min(failed), 1),
            "requests": len(outcomes),
            "failed": len(failed),
            "surge_instead": "the new pod is Pending with Insufficient nvidia.com/gpu, the old one serves on",
        }
