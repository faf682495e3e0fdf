"""Scenes of the proof `versions`: changes that fail, at once or for a while, and what served serves on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.e2e.kubernetes import wait_until
from tests.e2e.proofs.version_bench import GOLDEN_SET, Bench

HUB_DOWN_S = 120.0


def unknown_revision(bench: Bench) -> dict[str, Any]:
    """A revision that there is not; then the spec is mended."""
    before = bench.changing.revision()
    with bench.loaded() as figures:
        bench.changing.change("missing")
        bench.products.await_reason("ModelReady", "UnknownModel")
        assert bench.changing.revision() == before
        bench.begin()
    return figures


def hub_down(bench: Bench) -> dict[str, Any]:
    """For two minutes, while a revision is wanted that the volume does not know."""
    with bench.loaded() as figures:
        with bench.hub_away():
            bench.changing.change("while-down")
            bench.products.await_reason("ModelReady", "HubUnreachable")
            time.sleep(HUB_DOWN_S)
            assert bench.products.condition("Available")["status"] == "True"
        bench.changing.await_active("")
    return figures


def no_image(bench: Bench) -> dict[str, Any]:
    """New pods of an image that no node gets, until the deadline; the very pods that served go on."""
    before = bench.products.get("deployment")["spec"]["template"]
    missing = {"registry": "localhost", "repository": "missing", "tag": "none", "pullPolicy": "Never"}
    with bench.loaded() as figures:
        bench.changing.change("better", image=missing, rollout={"progressDeadlineSeconds": 30})
        bench.products.await_reason("Ready", "RolledBack", 240)
        assert bench.products.condition("ModelReady")["reason"] == "DeadlineExceeded"
        assert bench.products.get("deployment")["spec"]["template"] == before
        bench.begin()
    return figures


GOLDEN = "bge-reranker-golden-set"
"""Name of a ConfigMap; those that a Reranker may name begin so."""

LITTLE_MEMORY = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}}
MORE_CPUS_THAN_THERE_ARE = {"requests": {"cpu": "1000", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}

CHANGED_SET = {"configMap": {"name": GOLDEN, "sha256": "0" * 64}, "minNdcgAt10": 0.8}

FINAL: Mapping[str, tuple[frozenset[str], Mapping[str, Any]]] = {
    "gated": (frozenset({"Gated"}), {"revision": "gated"}),
    "pickled": (frozenset({"UnsafeFormat"}), {"revision": "pickled"}),
    "flipped": (frozenset({"CorruptFile", "DigestMismatch"}), {"revision": "flipped"}),
    "other-digest": (frozenset({"DigestMismatch"}), {"revision": "better", "model": {"digest": "0" * 64}}),
    "generative": (frozenset({"WrongArchitecture"}), {"revision": "generative"}),
    "headless": (frozenset({"MissingHead"}), {"revision": "headless"}),
    "other-weights": (frozenset({"SelfCheckFailed"}), {"revision": "main", "repository": "BAAI/bge-reranker-large"}),
    "scrambled": (frozenset({"GateFailed"}), {"revision": "scrambled"}),
    "changed-golden-set": (frozenset({"GateInputChanged"}), {"revision": "better", "gate": CHANGED_SET}),
    "little-memory": (frozenset({"OutOfMemory"}), {"revision": "better", "resources": LITTLE_MEMORY}),
    "never-ready": (
        frozenset({"DeadlineExceeded"}),
        {"revision": "better", "resources": MORE_CPUS_THAN_THERE_ARE, "rollout": {"progressDeadlineSeconds": 20}},
    ),
}
"""By scene: what may be told, and what is asked for."""


def final_failure(name: str) -> Callable[[Bench], dict[str, Any]]:
    """A version that fails for good: told by its code, and the very pods that served go on."""
    codes, asked = FINAL[name]

    def scene(bench: Bench) -> dict[str, Any]:
        golden = json.dumps({**_CONFIG_MAP, "data": {"golden-set.jsonl": GOLDEN_SET}})
        bench.namespace.kubectl("apply", "--filename=-", text_input=golden)
        before = bench.products.get("deployment")["spec"]["template"]
        with bench.loaded() as figures:
            bench.changing.change(**asked)
            bench.products.await_reason("Ready", "RolledBack", 240)
            code = _told(bench, codes)
            wait_until(bench.changing.is_settled, "the pods are those that served before")
        assert bench.products.get("deployment")["spec"]["template"] == before
        return {**figures, "code": code}

    return scene


_CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": GOLDEN}}


def _told(bench: Bench, codes: frozenset[str]) -> str:
    """The code, which condition, event, metric and history have; reason and remedy are two sentences."""
    model_ready = bench.products.condition("ModelReady")
    code = str(model_ready["reason"])
    assert (model_ready["status"], code in codes) == ("False", True), model_ready
    assert bench.products.condition("Stalled")["status"] == "True"
    assert model_ready["message"].count(". ") >= 2, model_ready
    assert bench.events(code), f"an event {code}"
    assert bench.ended_changes(code) >= 1
    assert bench.products.get()["status"]["history"][0]["verdict"] == code
    return code


def silent_reference(bench: Bench) -> dict[str, Any]:
    """Ready pods that answer callers and not each other: tried again, and compared once they do."""
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "callers-only"},
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/component": "scorer"}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"port": 8001}]},
                {
                    "ports": [{"port": 8000}],
                    "from": [
                        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": bench.search.namespace}}}
                    ],
                },
            ],
        },
    }
    bench = bench.with_spec(
        networkPolicy={"enabled": False}, gate={**bench.changing.spec["gate"], "timeoutSeconds": 10}
    )
    bench.begin()
    with bench.loaded() as figures:
        bench.namespace.kubectl("create", "--filename=-", text_input=json.dumps(policy))
        bench.changing.change("better")
        bench.products.await_reason("ModelReady", "ReferenceUnavailable")
        assert bench.products.condition("Available")["status"] == "True"
        bench.namespace.kubectl("delete", "networkpolicy", "callers-only")
        bench.changing.await_active("better")
    assert bench.verdict()["referenceDigest"] == bench.changing.known[""][0]
    return figures
