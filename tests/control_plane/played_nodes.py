"""Nodes that exist in the API alone, played by kwok: pods get ready on them, and nothing runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.kwok import NODE_ANNOTATION
from tests.cluster.kwok import TOOL as KWOK
from tests.control_plane.processes import ControlPlane

PODS = "198.19.128.1/17"
"""Addresses of played pods: reserved for tests, so that nobody answers the operator's questions."""

AMOUNTS = {"cpu": "1000", "memory": "4Ti", "pods": "1000", "nvidia.com/gpu": "8"}


@contextmanager
def played_nodes(plane: ControlPlane, count: int) -> Iterator[None]:
    """So many nodes; the program that plays them is gone afterwards."""
    nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"node-{number}", "annotations": NODE_ANNOTATION},
            "status": {"allocatable": AMOUNTS, "capacity": AMOUNTS},
        }
        for number in range(count)
    ]
    plane.kubectl("create", "--filename=-", text_input=json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes}))
    with (plane.folder / "kwok.log").open("wb") as log:
        command = [str(KWOK.program()), f"--kubeconfig={plane.kubeconfig}", "--manage-all-nodes=true", f"--cidr={PODS}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait()
