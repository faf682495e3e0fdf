"""`python -m tests.bench`: the table, and build/bench.json."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from .checkpoint import write_checkpoint
from .documents import Texts
from .load import Cell, run_cell
from .memory import measure_memory
from .processes import bench_server, run_bare_loop

_CACHE = Path.home() / ".cache" / "bge-reranker" / "bench"
_DEADLINE_S = 3_600
"""A slow CPU with 32 clients takes minutes for one round; the benchmark wants to see them, not to refuse them."""


@click.command()
@click.option("--clients", default="1,4,16,32", show_default=True, help="Numbers of clients, one cell each.")
@click.option("--seconds", default=60.0, show_default=True, help="A cell sends nothing new after this.")
@click.option("--requests", default=50, show_default=True, help="A cell sends no more requests than this.")
@click.option("--batch-tokens", default=2_048, show_default=True, help="Largest batch of the bare loop.")
@click.option("--pairs", default=100_000, show_default=True, help="Pairs of the memory run; 0 leaves it out.")
@click.option(
    "--json", "json_file", default=Path("build/bench.json"), type=click.Path(path_type=Path), show_default=True
)
def bench(clients: str, seconds: float, requests: int, batch_tokens: int, pairs: int, json_file: Path) -> None:
    """Measure the base shape over HTTP beside a bare loop, and the embedded model's memory."""
    console = Console()
    folder = write_checkpoint(_CACHE / "xlm-roberta-base-shape")
    report: dict[str, Any] = {"machine": describe_machine(), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    bare = [run_bare_loop(folder, seconds / 2, batch_tokens)]
    cells: list[Cell] = []
    with bench_server(str(folder), deadline_s=_DEADLINE_S, max_queue_tokens=100_000_000) as server:
        for count in (int(number) for number in clients.split(",")):
            console.print(f"{count} clients ...")
            cells.append(asyncio.run(run_cell(server.url, _requests(folder, count), count, seconds, requests)))
    # Before and after: the machine's speed may drift while the cells run.
    bare.append(run_bare_loop(folder, seconds / 2, batch_tokens))
    report |= {"bare_loop_tokens_per_second": bare, "event_loop": server.report}
    report["cells"] = [cell.as_json() for cell in cells]
    _print(console, cells, statistics.mean(bare), report)
    if pairs:
        report["memory"] = measure_memory(pairs, console)
    json_file.parent.mkdir(parents=True, exist_ok=True)
    json_file.write_text(json.dumps(report, indent=1), encoding="utf-8")
    console.print(f"Written to {json_file}.")


def _requests(folder: Path, seed: int) -> Iterator[dict[str, Any]]:
    texts = Texts(folder, seed)
    while True:
        yield texts.request()


def _print(console: Console, cells: list[Cell], bare: float, report: dict[str, Any]) -> None:
    shown = ", ".join(f"{value:.0f}" for value in report["bare_loop_tokens_per_second"])
    console.print(f"\n{report['machine']}\nBare loop, before and after: {shown} tokens/s")
    table = Table(
        "clients", "requests", "failed", "tokens/s", "of bare", "p50 ms", "p95 ms", "p99 ms", "generator CPU s"
    )
    for cell in cells:
        percentiles = (f"{cell.percentile_ms(percent):.0f}" for percent in (50, 95, 99))
        table.add_row(
            str(cell.clients),
            str(len(cell.latencies_s)),
            str(cell.failed),
            f"{cell.tokens_per_second:.0f}",
            f"{cell.tokens_per_second / bare:.0%}",
            *percentiles,
            f"{cell.generator_cpu_s:.2f}",
        )
    console.print(table)
    loop = report["event_loop"]
    console.print(
        f"Event loop: longest callback {loop['longest_callback_cpu_ms']:.1f} ms of its own CPU time, "
        f"lag p50 {loop['lag_p50_ms']:.2f} ms, p99 {loop['lag_p99_ms']:.2f} ms, p99.9 {loop['lag_p999_ms']:.2f} ms"
    )


def describe_machine() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line]
    name = names[0].split(":", 1)[1].strip() if names else platform.processor()
    return f"{len(os.sched_getaffinity(0))} cores of {name}, Python {platform.python_version()}"


if __name__ == "__main__":
    bench()
