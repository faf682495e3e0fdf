"""`python -m tests.cluster.targets FILE`: keeps the list of what Prometheus scrapes, as long as the cluster is up.

Debian builds Prometheus without its discovery of Kubernetes, so the pods come by file.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.cluster import kubectl
from tests.cluster.failures import ClusterError

PORT_NAMES = {"management", "metrics"}
"""Names of container ports behind which there are metrics."""

PAUSE_S = 5.0
"""Between two looks at the pods; Prometheus scrapes as often."""


def targets(pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An entry for each port of a running pod that has metrics, labelled with where the pod is."""
    return [
        {
            "targets": [f"{pod['status']['podIP']}:{port['containerPort']}"],
            "labels": {
                "namespace": pod["metadata"]["namespace"],
                "pod": pod["metadata"]["name"],
                "node": pod["spec"].get("nodeName", ""),
                # As the chart's ServiceMonitor gives it; an empty label is none.
                "reranker": pod["metadata"].get("labels", {}).get("bge-reranker.io/fullname", ""),
            },
        }
        for pod in pods
        if pod["status"].get("phase") == "Running" and "podIP" in pod["status"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
        if port.get("name") in PORT_NAMES
    ]


def keep(path: Path) -> None:
    """Write the list anew whenever it has changed."""
    written: list[dict[str, Any]] | None = None
    while True:
        try:
            found = targets(kubectl.get("pods", "--all-namespaces")["items"])
        except ClusterError as error:
            # The API server may be away for a moment; the log says so, and the old list stays.
            print(error, file=sys.stderr)  # noqa: T201 - a component's log
            found = written or []
        if found != written:
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_text(json.dumps(found), encoding="utf-8")
            unfinished.rename(path)
            written = found
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
