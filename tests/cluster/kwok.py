"""kwok: nodes that exist in the API alone, for fleets. It plays every node with the annotation `NODE_ANNOTATION`."""

from __future__ import annotations

import json
from typing import Any

from tests.cluster import kubectl
from tests.cluster.addition import Addition
from tests.cluster.node_images import from_source, image_name
from tests.cluster.tools import Tool

TOOL = Tool("kwok", "sigs.k8s.io/kwok")

NODE_ANNOTATION = {"kwok.x-k8s.io/node": "fake"}
"""What makes a node one of kwok's."""

TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}
"""Keeps pods that mean to run off them; a pod that is to be played tolerates it."""

NODES = 10
"""How many nodes the addition makes; `make_node` makes more."""


def start() -> None:
    """Ask for the controller and its nodes, and wait until they are Ready."""
    kubectl.apply("kwok.yaml", KWOK=image_name(TOOL))
    kubectl.roll_out("deployment/kwok", "kube-system")
    names = [f"rr-kwok-{number}" for number in range(1, NODES + 1)]
    for name in names:
        make_node(name)
    kubectl.kubectl("wait", "--for=condition=Ready", "--timeout=120s", *(f"node/{name}" for name in names))


def make_node(name: str, gpus: int = 0) -> None:
    """Make one node of 32 cores and 256 GiB."""
    amounts = {"cpu": "32", "memory": "256Gi", "pods": "250", "nvidia.com/gpu": str(gpus)}
    node: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": NODE_ANNOTATION,
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"},
        },
        "spec": {"taints": [TAINT]},
        "status": {"allocatable": amounts, "capacity": amounts, "nodeInfo": {"kubeletVersion": "fake"}},
    }
    kubectl.kubectl("apply", "--server-side", "--filename=-", text_input=json.dumps(node))


ADDITION = Addition(start, tools=(TOOL,), images=lambda: [from_source(TOOL)])
