"""`python -m tests.e2e.proofs NAME`: run one long proof on a cluster of its own and write down what it found."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import os
import platform
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tests.cluster.failures import ClusterError
from tests.cluster.layout import CONTEXT
from tests.e2e.image_names import IMAGE, OPERATOR_IMAGE, SEARCH_IMAGE
from tests.e2e.kubernetes import Cluster
from tests.e2e.own_cluster import own_cluster

MEASUREMENTS = Path(__file__).resolve().parents[3] / "docs" / "measurements"
_CHART = ("chart-changes", "chart-autoscaling", "chart-caches", "chart-life", "chart-limits", "chart-helm-3")
_MODELS = ("chart-registry",)
_OPERATOR = ("operator-kills", "operator-outage")
PROOFS = (
    "autoscaling",
    "node-death",
    "on-request",
    "crash",
    "store-kills",
    *_CHART,
    *_MODELS,
    *_OPERATOR,
    "operator-life",
    "moves",
    "versions",
    "quick-starts",
)
WITHOUT_CLUSTER = frozenset({"store-kills", *_OPERATOR})
CONSOLE = Console()


@click.command()
@click.argument("name", type=click.Choice(PROOFS))
@click.option("--keep", is_flag=True, help="Leave the cluster up, and use it if it is up already.")
def proof(*, name: str, keep: bool) -> None:
    """Run a long proof."""
    module = importlib.import_module(f"tests.e2e.proofs.{name.replace('-', '_')}")
    try:
        figures = module.prove() if name in WITHOUT_CLUSTER else _on_a_cluster(module, keep=keep)
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    record = {"date": dt.datetime.now(tz=dt.UTC).date().isoformat(), "machine": _machine(), **figures}
    path = MEASUREMENTS / f"{name}.json"
    MEASUREMENTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    CONSOLE.print_json(data=record)
    CONSOLE.print(f"Written to {path}.")


def _on_a_cluster(module: Any, *, keep: bool) -> dict[str, Any]:
    with own_cluster((IMAGE, SEARCH_IMAGE, OPERATOR_IMAGE), module.ADDITIONS, CONSOLE, keep=keep):
        figures: dict[str, Any] = module.prove(Cluster(CONTEXT), IMAGE, SEARCH_IMAGE)
        return figures


def _machine() -> dict[str, object]:
    models = [line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line]
    processor = models[0].partition(": ")[2] if models else platform.machine()
    return {"processor": processor, "cores": os.cpu_count(), "kernel": platform.release()}


if __name__ == "__main__":
    proof()
