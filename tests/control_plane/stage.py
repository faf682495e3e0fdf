"""A control plane that is ready for Rerankers: the CRD is served, nodes are played, kubectl of this process asks it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.kwok import TOOL as KWOK
from tests.control_plane.operators import CHART
from tests.control_plane.played_nodes import played_nodes
from tests.control_plane.processes import ControlPlane, control_plane, missing_programs, wait_for

CRD = CHART / "crds" / "rerankers.yaml"


def what_is_missing() -> str:
    """What is not there, and how to get it; empty if all is."""
    missing = missing_programs() or ("" if KWOK.is_built else "kwok")
    return f"{missing}: run `make cluster-tools`, and install etcd-server" if missing else ""


@contextmanager
def stage(folder: Path, nodes: int) -> Iterator[ControlPlane]:
    """One in a folder; gone afterwards."""
    with control_plane(folder) as plane, played_nodes(plane, nodes):
        serve_crd(plane)
        before = os.environ.get("KUBECONFIG")
        os.environ["KUBECONFIG"] = str(plane.kubeconfig)
        try:
            yield plane
        finally:
            if before is None:
                del os.environ["KUBECONFIG"]
            else:
                os.environ["KUBECONFIG"] = before


def serve_crd(plane: ControlPlane) -> None:
    """Apply the chart's CRD, and wait until it is served."""
    plane.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CRD}")
    wait_for("the CRD is served", lambda: _is_established(plane), 60)


def _is_established(plane: ControlPlane) -> bool:
    """Whether its names are accepted; `kubectl wait` and jsonpath end with an error while there are no conditions."""
    definition = json.loads(plane.kubectl("get", "crd/rerankers.bge-reranker.io", "--output=json"))
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
