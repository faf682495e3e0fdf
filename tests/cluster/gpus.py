"""GPUs that are counted and scheduled, and are not there."""

from __future__ import annotations

import json

from tests.cluster.kubectl import kubectl
from tests.cluster.layout import Node


def pretend(node: Node, count: int) -> None:
    """Give a node GPUs in its status, which kubelet leaves as it is."""
    patch = [
        {"op": "add", "path": f"/status/{field}/nvidia.com~1gpu", "value": str(count)}
        for field in ("capacity", "allocatable")
    ]
    kubectl("patch", "node", node.name, "--subresource=status", "--type=json", f"--patch={json.dumps(patch)}")
