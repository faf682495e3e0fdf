"""`python -m tests.bench.peers`: one shape a run; docs/measurements/peers.json, a table and plots in docs/."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..__main__ import describe_machine
from .checkpoints import SHAPES, float_checkpoint
from .comparison import compare
from .contestants import contestants
from .direct import ROOT
from .report import write_report
from .workload import make_workload

_CACHE = Path.home() / ".cache" / "bge-reranker" / "bench"
_ALL = "float32,int8,openvino,onnx-int8,torch-float32,infinity"


@click.command()
@click.option("--shape", type=click.Choice(sorted(SHAPES)), default="base", show_default=True)
@click.option(
    "--only", default=_ALL, show_default=True, help="Who takes part; float32 must, the others are checked by it."
)
@click.option("--clients", default="4,16,32", show_default=True, help="Numbers of clients of those who are served.")
@click.option("--rounds", default=3, show_default=True, help="How often each cell is measured, in turns.")
@click.option("--seconds", default=8.0, show_default=True, help="How long each time.")
@click.option("--tei-url", help="A running text-embeddings-inference with the same checkpoint; else it is unmeasured.")
@click.option("--prepare", is_flag=True, help="Only make checkpoints and environments, and start everyone once.")
@click.option("--docs", default=ROOT / "docs", type=click.Path(path_type=Path), show_default="docs")
def bench_peers(
    *, shape: str, only: str, clients: str, rounds: int, seconds: float, tei_url: str | None, prepare: bool, docs: Path
) -> None:
    """Measure the scorer beside its peers. A run of the same options is replaced, others are kept."""
    known = contestants(tei_url)
    chosen = {key: known[key] for key in [*only.split(","), *(["tei"] if tei_url else [])]}
    start = (shape, _CACHE, make_workload(float_checkpoint(shape, _CACHE)))
    counts = [int(number) for number in clients.split(",")]
    run = f"{shape}, {clients} clients" + (f", only {only}" if only != _ALL else "")

    def keep(measured: dict[str, Any]) -> None:
        facts = {"machine": describe_machine(), "date": datetime.now(UTC).isoformat(timespec="seconds")}
        facts["command"] = f"make bench-peers ARGS='{' '.join(sys.argv[1:])}'"
        file = docs / "measurements" / "peers.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        report = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        report[run] = {**measured, **facts}
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        write_report(report, docs)

    compare(chosen, start, counts, 0 if prepare else rounds, seconds, click.echo, keep)


if __name__ == "__main__":
    bench_peers()
