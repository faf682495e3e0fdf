"""Fifty operators killed at one of their writes: the next one always gets there, and nothing is doubled or lost.

Needs no node: a control plane on loopback with played pods, and a proxy that kills the operator when it writes, before
the API server gets it or before the operator gets the answer.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.control_plane.faulty_proxy import Death, FaultyProxy, faulty_proxy
from tests.control_plane.operators import OperatorProcess, account, operator
from tests.control_plane.processes import ControlPlane
from tests.control_plane.stage import stage
from tests.e2e.kubernetes import Cluster, Namespace, wait_until
from tests.e2e.operated import Operated

KILLS = 50
MOST_WRITES = 7
"""A kill comes at one of so many writes of a round."""

CLAIM = {"type": "pvc", "accessMode": "ReadWriteMany", "size": "1Gi", "storageClass": "played"}


def prove() -> dict[str, Any]:
    """Change, kill, start again, look; until fifty are dead."""
    with (
        tempfile.TemporaryDirectory() as folder,
        stage(Path(folder), 3) as plane,
        Cluster("tests").namespace("rr-kills") as namespace,
        faulty_proxy(plane.url) as proxy,
        operator(
            plane, account(plane, namespace.name), proxy.url, watch_namespace=namespace.name, identity="o"
        ) as process,
    ):
        _volume(plane)
        return _rounds(Operated(namespace, "localhost/played:1"), proxy, process)


def _rounds(products: Operated, proxy: FaultyProxy, process: OperatorProcess) -> dict[str, Any]:
    chance, kills, seconds = random.Random(9), Counter[bool](), []
    deployments, claims = set[str](), set[str]()
    process.start_and_await_work()
    rounds = 0
    while sum(kills.values()) < KILLS:
        rounds += 1
        death = Death(chance.randrange(MOST_WRITES), chance.random() < 0.5, process.kill)
        proxy.death = death
        spec = _spec(chance, rounds)
        products.apply(**spec)
        is_there = partial(_is_there, products, spec)
        wait_until(partial(_has_ended_or, is_there, process), "killed, or done", 120)
        proxy.death = None
        if process.has_ended:
            kills[death.reaches_server] += 1
            began = time.monotonic()
            process.start()
            wait_until(is_there, f"round {rounds} converges", 120)
            seconds.append(time.monotonic() - began)
        deployments |= _uids(products.namespace, "deployments")
        claims |= _uids(products.namespace, "persistentvolumeclaims")
        assert len(deployments) == 1, "a second Deployment"
        assert len(claims) <= 1, "a claim was deleted and made anew"
    assert _uids(products.namespace, "persistentvolumeclaims") == claims != set()
    return {
        "rounds": rounds,
        "killed_before_the_write": kills[False],
        "killed_after_the_write_unheard": kills[True],
        "deployments_ever": len(deployments),
        "claims_ever": len(claims),
        "median_s_from_start_to_converged": round(sorted(seconds)[len(seconds) // 2], 1),
        "longest_s": round(max(seconds), 1),
        "changed_by_a_fresh_operator_afterwards": _changed_afterwards(products.namespace, process),
    }


def _spec(chance: random.Random, number: int) -> dict[str, Any]:
    spec: dict[str, Any] = {"replicas": chance.choice((1, 2, 3)), "commonLabels": {"round": str(number)}}
    if chance.random() < 0.5:
        spec["podAnnotations"] = {"round": str(number)}
    if chance.random() < 0.3:
        scaled = {"enabled": True, "minReplicas": 1, "maxReplicas": 4, "backlogSeconds": {"enabled": False}}
        spec["autoscaling"] = {**scaled, "cpu": {"enabled": True}}
    # The embedded model would need no cache; on played nodes nothing is fetched.
    spec["model"] = {"source": "hf://org/played"}
    spec["cache"] = CLAIM if number == 1 or chance.random() < 0.5 else {"type": "emptyDir", "size": "1Gi"}
    return spec


def _is_there(products: Operated, spec: dict[str, Any]) -> bool:
    """Whether everything is as the newest spec says, and the status too."""
    if products.condition("Ready").get("reason") != "AllReplicasReady":
        return False
    live = products.get("deployment")
    is_scaled = "HorizontalPodAutoscaler/products" in products.children()
    return (
        live["metadata"]["labels"]["round"] == spec["commonLabels"]["round"]
        and is_scaled == ("autoscaling" in spec)
        and (is_scaled or live["spec"]["replicas"] == spec["replicas"])
    )


def _has_ended_or(is_there: Callable[[], bool], process: OperatorProcess) -> bool:
    return process.has_ended or is_there()


def _uids(namespace: Namespace, kind: str) -> set[str]:
    return {found["metadata"]["uid"] for found in namespace.get(kind)["items"]}


def _changed_afterwards(namespace: Namespace, process: OperatorProcess) -> int:
    """How many objects an operator that knows nothing changes: it applies all, and all are as they should be."""
    process.stop()
    before = _versions(namespace)
    process.start_and_await_work()
    wait_until(lambda: process.metric("reconciles_total", "done") > 0, "it has looked", 60)
    return len(_versions(namespace) ^ before)


def _versions(namespace: Namespace) -> set[tuple[str, str]]:
    found = namespace.get("rerankers,deployments,services,serviceaccounts,poddisruptionbudgets,persistentvolumeclaims")[
        "items"
    ]
    return {(each["metadata"]["uid"], each["metadata"]["resourceVersion"]) for each in found}


def _volume(plane: ControlPlane) -> None:
    """A volume that the claim can have; nothing is ever put into it."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "played",
        "hostPath": {"path": "/nowhere"},
    }
    body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "played"}, "spec": spec}
    plane.kubectl("create", "--filename=-", text_input=json.dumps(body))
