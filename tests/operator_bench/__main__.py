"""`python -m tests.operator_bench`: a fleet from cold, what an idle operator writes, how fast one change is."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import yaml

from tests.control_plane.audit import refusals, writes
from tests.control_plane.operators import CHART, OperatorProcess, account, operator
from tests.control_plane.processes import ControlPlane, wait_for
from tests.control_plane.stage import stage, what_is_missing
from tests.e2e.proofs.__main__ import MEASUREMENTS, _machine

FLEET = "fleet"
FOREIGN = "foreign"
NODES = 40
IDLE_S = 130.0
"""Two rounds of every Reranker without a cause, at the interval that is the default."""

LIMIT_S = 600
CHUNK = 100
"""Objects to one call of kubectl."""

LIMITS = {"from_cold_s": 120.0, "writes_while_idle": 0, "helm_runs_while_idle": 0, "one_change_s": 2.0, "rss_mb": 200.0}
"""What the figures are held against."""


@click.command()
@click.option("--resources", default=500, help="Rerankers.")
@click.option("--foreign-pods", default=5000, help="Pods that are nobody's business.")
def bench(*, resources: int, foreign_pods: int) -> None:
    """Measure the operator; fails where a figure is beyond its limit."""
    if said := what_is_missing():
        raise click.ClickException(said)
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), NODES) as plane:
        _prepare(plane, resources, foreign_pods)
        figures = _measure(plane, resources)
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    record = {"date": date, "machine": _machine(), "resources": resources, "foreign_pods": foreign_pods, **figures}
    MEASUREMENTS.mkdir(exist_ok=True)
    (MEASUREMENTS / "operator.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    click.echo(json.dumps(record, indent=2))
    beyond = [
        f"{name} is {figures[name]}, more than {limit}" for name, limit in LIMITS.items() if figures[name] > limit
    ]
    if beyond:
        raise click.ClickException("; ".join(beyond))


def _prepare(plane: ControlPlane, resources: int, foreign_pods: int) -> None:
    for name in (FLEET, FOREIGN):
        plane.kubectl("create", "namespace", name)
    wait_for("the namespaces' accounts", lambda: _has_accounts(plane), LIMIT_S)
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
    running = "--field-selector=status.phase=Running"
    wait_for(
        "the foreign pods run",
        lambda: (
            plane.kubectl("get", "pods", f"--namespace={FOREIGN}", running, "--output=name").count("\n") == foreign_pods
        ),
        LIMIT_S,
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


def _has_accounts(plane: ControlPlane) -> bool:
    return all(
        plane.kubectl("get", "serviceaccounts", f"--namespace={name}", "--output=name") for name in (FLEET, FOREIGN)
    )


def _create(plane: ControlPlane, objects: list[dict[str, Any]]) -> None:
    for begin in range(0, len(objects), CHUNK):
        items = {"apiVersion": "v1", "kind": "List", "items": objects[begin : begin + CHUNK]}
        plane.kubectl("create", "--filename=-", text_input=json.dumps(items))


def _measure(plane: ControlPlane, resources: int) -> dict[str, Any]:
    token = account(plane, "default", cluster_wide=True)
    with operator(plane, token, identity="bench") as process:
        began = time.monotonic()
        process.start()
        wait_for("the operator answers", lambda: process.holds_lease, LIMIT_S)
        wait_for("every Reranker has been worked on", lambda: process.metric("resources") == resources, LIMIT_S)
        cold_s = time.monotonic() - began
        wait_for("every pod is ready", lambda: process.metric("resources", "AllReplicasReady") == resources, LIMIT_S)
        ready_s = time.monotonic() - began
        _await_quiet(lambda: _written(plane))
        figures = {"from_cold_s": round(cold_s, 1), "all_ready_s": round(ready_s, 1), "writes": dict(_written(plane))}
        figures |= _idle(plane, process)
        figures |= {"one_change_s": _one_change(plane), "rss_mb": round(process.rss_mb)}
        return figures | {"refused_for_want_of_rights": dict(refusals(plane.audit_log))}


def _idle(plane: ControlPlane, process: OperatorProcess) -> dict[str, Any]:
    """What is done while nothing happens."""
    before, helm_before, rounds_before = (
        _written(plane),
        process.metric("helm_runs"),
        process.metric("reconciles_total"),
    )
    time.sleep(IDLE_S)
    more = _written(plane) - before
    return {
        "idle_s": IDLE_S,
        "rounds_while_idle": process.metric("reconciles_total") - rounds_before,
        "writes_while_idle": sum(more.values()),
        "written_while_idle": dict(more),
        "helm_runs_while_idle": process.metric("helm_runs") - helm_before,
    }


def _one_change(plane: ControlPlane) -> float:
    """Seconds from one edit until the Deployment has it and the status says so, median of five."""
    taken = []
    for number in range(5):
        name = f"reranker-{7 + number}"
        began = time.monotonic()
        arguments = ("patch", f"reranker/{name}", f"--namespace={FLEET}", "--type=merge")
        plane.kubectl(*arguments, '-p={"spec":{"replicas":2}}')
        wait_for("the change is made", partial(_is_made, plane, name), 60)
        taken.append(time.monotonic() - began)
    return round(sorted(taken)[2], 2)


def _is_made(plane: ControlPlane, name: str) -> bool:
    """Whether the Deployment has two replicas and the status tells of the newest spec."""
    template = "--output=jsonpath={.spec.replicas} {.metadata.generation} {.status.observedGeneration}"
    got = plane.kubectl("get", f"reranker/{name}", f"--namespace={FLEET}", template).split()
    count = plane.kubectl("get", f"deployment/{name}", f"--namespace={FLEET}", "--output=jsonpath={.spec.replicas}")
    return count == "2" and got[1] == got[2]


def _await_quiet(written: Callable[[], Counter[str]]) -> None:
    """Until nothing was written for ten seconds."""
    last, since = written(), time.monotonic()
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() - since < 10:
        assert time.monotonic() < deadline, "the operator goes on writing"
        time.sleep(1)
        if (now := written()) != last:
            last, since = now, time.monotonic()


def _written(plane: ControlPlane) -> Counter[str]:
    """Writes so far, Leases apart."""
    return Counter({what: count for what, count in writes(plane.audit_log).items() if "leases" not in what})


if __name__ == "__main__":
    bench()
