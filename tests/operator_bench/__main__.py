"""`python -m tests.operator_bench`: a fleet from cold, what an idle operator writes, how fast one change is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psutil
import yaml

from tests.chart.rendering import CHART
from tests.cluster.kwok import NODE_ANNOTATION
from tests.cluster.kwok import TOOL as KWOK
from tests.cluster.tools import HELM
from tests.control_plane.processes import ControlPlane, control_plane, free_port, missing_programs, wait_for
from tests.e2e.proofs.__main__ import MEASUREMENTS, _machine

FLEET = "fleet"
FOREIGN = "foreign"
NODES = 40
IDLE_S = 60.0
LIMIT_S = 900
CHUNK = 100
"""Objects to one call of kubectl."""


@click.command()
@click.option("--resources", default=500, help="Rerankers.")
@click.option("--foreign-pods", default=5000, help="Pods that are nobody's business.")
def bench(*, resources: int, foreign_pods: int) -> None:
    """Measure the operator."""
    if missing := missing_programs():
        raise click.ClickException(f"{missing}: run `make cluster-tools`, and install etcd-server")
    with tempfile.TemporaryDirectory() as folder, control_plane(Path(folder)) as plane, _played_nodes(plane):
        _prepare(plane, resources, foreign_pods)
        figures = _measure(plane, resources)
    figures = {"resources": resources, "foreign_pods": foreign_pods, **figures, "machine": _machine()}
    MEASUREMENTS.mkdir(exist_ok=True)
    (MEASUREMENTS / "operator.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    click.echo(json.dumps(figures, indent=2))


def _prepare(plane: ControlPlane, resources: int, foreign_pods: int) -> None:
    plane.kubectl("apply", "--server-side", f"--filename={CHART / 'crds'}")
    for name in (FLEET, FOREIGN):
        plane.kubectl("create", "namespace", name)
    amounts = {"cpu": "1000", "memory": "4Ti", "pods": "1000"}
    _create(
        plane,
        [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": f"node-{number}", "annotations": NODE_ANNOTATION},
                "status": {"allocatable": amounts, "capacity": amounts},
            }
            for number in range(NODES)
        ],
    )
    containers = [{"name": "main", "image": "none"}]
    _create(
        plane,
        [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"pod-{number}", "namespace": FOREIGN, "labels": {"app": "foreign"}},
                "spec": {"nodeName": f"node-{number % NODES}", "containers": containers},
            }
            for number in range(foreign_pods)
        ],
    )
    sample = yaml.safe_load((CHART.parents[1] / "manifests" / "samples" / "cpu-demo.yaml").read_text(encoding="utf-8"))
    _create(
        plane,
        [
            {
                **sample,
                "metadata": {"name": f"reranker-{number}", "namespace": FLEET},
                "spec": {**sample["spec"], "replicas": 1},
            }
            for number in range(resources)
        ],
    )


def _create(plane: ControlPlane, objects: list[dict[str, Any]]) -> None:
    for begin in range(0, len(objects), CHUNK):
        items = {"apiVersion": "v1", "kind": "List", "items": objects[begin : begin + CHUNK]}
        plane.kubectl("create", "--filename=-", text_input=json.dumps(items))


def _measure(plane: ControlPlane, resources: int) -> dict[str, Any]:
    with _operator(plane) as (process, port):
        began = time.monotonic()
        wait_for("every Reranker has been worked on", lambda: _observed(plane) == resources, LIMIT_S)
        cold_s = time.monotonic() - began
        _await_quiet(lambda: _writes(port))
        before, helm_before = _writes(port), _metric(port, "bge_reranker_operator_helm_runs")
        time.sleep(IDLE_S)
        idle_writes = _writes(port) - before
        helm_runs = _metric(port, "bge_reranker_operator_helm_runs") - helm_before
        began = time.monotonic()
        plane.kubectl(
            "patch", "reranker/reranker-7", f"--namespace={FLEET}", "--type=merge", '-p={"spec":{"replicas":2}}'
        )
        wait_for("the change is in the Deployment", lambda: _replicas(plane) == "2", 60)
        return {
            "from_cold_s": round(cold_s, 1),
            "idle_s": IDLE_S,
            "writes_while_idle": idle_writes,
            "helm_runs_while_idle": helm_runs,
            "one_change_s": round(time.monotonic() - began, 2),
            "rss_mb": round(process.memory_info().rss / 1e6),
        }


def _observed(plane: ControlPlane) -> int:
    template = '{range .items[?(@.status.selector)]}{"x"}{end}'
    return len(plane.kubectl("get", "rerankers", f"--namespace={FLEET}", f"--output=jsonpath={template}"))


def _replicas(plane: ControlPlane) -> str:
    return plane.kubectl("get", "deployment/reranker-7", f"--namespace={FLEET}", "--output=jsonpath={.spec.replicas}")


def _await_quiet(writes: Callable[[], float]) -> None:
    """Until nothing was written for ten seconds."""
    last, since = writes(), time.monotonic()
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() - since < 10:
        assert time.monotonic() < deadline, "the operator goes on writing"
        time.sleep(1)
        if (now := writes()) != last:
            last, since = now, time.monotonic()


def _writes(port: int) -> float:
    return _metric(port, "bge_reranker_operator_writes_total")


def _metric(port: int, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].partition(" ")[0] == name)


@contextmanager
def _played_nodes(plane: ControlPlane) -> Iterator[None]:
    with (plane.folder / "kwok.log").open("wb") as log:
        command = [str(KWOK.program()), f"--kubeconfig={plane.kubeconfig}", "--manage-all-nodes=true"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _operator(plane: ControlPlane) -> Iterator[tuple[psutil.Process, int]]:
    port = free_port()
    settings = {"CHART": CHART, "HELM": HELM.program(), "HEALTH_PORT": port, "IDENTITY": "bench"}
    variables = {f"BGE_RERANKER_OPERATOR_{name}": str(value) for name, value in settings.items()}
    environment = {**os.environ, **variables, "KUBECONFIG": str(plane.kubeconfig)}
    with (plane.folder / "operator.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "reranker_operator"], env=environment, stderr=log)
        try:
            yield psutil.Process(process.pid), port
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    bench()
