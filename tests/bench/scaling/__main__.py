"""`python -m tests.bench.scaling`: one model and any of the axes a call; docs/measurements/scaling.json and a table."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bge_reranker.demo import demo_model_directory

from ..__main__ import describe_machine
from ..documents import Texts
from ..peers.checkpoints import float_checkpoint, int8_checkpoint
from ..peers.direct import ROOT
from ..processes import bench_server
from .cells import Size, run_cell
from .report import write_report

_CACHE = Path.home() / ".cache" / "bge-reranker" / "bench"
_MAX_CELL_S = 60.0

AXES = {
    "documents": [Size(documents=count) for count in (1, 10, 30, 100, 300, 1000)],
    "length": [Size(words=words) for words in (8, 32, 128, 256, 512)],
    "clients": [Size(clients=clients) for clients in (1, 4, 16, 64)],
}
"""One quantity grows, the others stay."""


@click.command()
@click.option("--model", type=click.Choice(["demo", "base", "base-int8"]), default="demo", show_default=True)
@click.option("--axis", type=click.Choice([*AXES, "shapes"]), multiple=True, help="All where none is named.")
@click.option("--seconds", default=3.0, show_default=True, help="How long a cell sends.")
@click.option("--docs", default=ROOT / "docs", type=click.Path(path_type=Path), show_default="docs")
def bench_scaling(model: str, axis: tuple[str, ...], seconds: float, docs: Path) -> None:
    """Measure how cost grows. An axis ends at its first cell that takes over 60 s; what other calls found is kept."""
    folder = {
        "demo": lambda: Path(demo_model_directory()),
        "base": lambda: float_checkpoint("base", _CACHE),
        "base-int8": lambda: int8_checkpoint("base", _CACHE),
    }[model]()
    found: dict[str, Any] = {}
    wanted = axis or (*AXES, "shapes")
    if "shapes" in wanted:
        command = [sys.executable, "-m", "tests.bench.scaling.shapes", str(folder), str(seconds * 4)]
        found["shapes"] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    if set(wanted) & set(AXES):
        with bench_server(str(folder), deadline_s=900, max_queue_tokens=100_000_000) as server:
            for name in (name for name in AXES if name in wanted):
                found[name] = list(_axis(server.url, Texts(folder, seed=5), name, seconds))
    file = docs / "measurements" / "scaling.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    report = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    facts = {"machine": describe_machine(), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    report[model] = {**report.get(model, {}), **found, **facts}
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    click.echo(write_report(report, docs))


def _axis(url: str, texts: Texts, name: str, seconds: float) -> Iterator[dict[str, Any]]:
    # The first request of a server meets cold paths that no later one does.
    asyncio.run(run_cell(url, texts, Size(documents=1), 0, _MAX_CELL_S))
    for size in AXES[name]:
        try:
            yield asyncio.run(run_cell(url, texts, size, seconds, _MAX_CELL_S)).as_json()
        except TimeoutError:
            yield {"documents": size.documents, "words": size.words, "clients": size.clients, "stopped_s": _MAX_CELL_S}
            return


if __name__ == "__main__":
    bench_scaling()
