"""`python -m tests.bench`: the table, and build/bench.json."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from .against.comparison import compare_trees, save
from .backlog import measure_backlog
from .balancing import measure_balancing
from .bodies import measure_bodies
from .cache import measure_cache
from .checkpoint import write_checkpoint
from .documents import Texts
from .fairness import measure_fairness
from .front_ends import measure_front_ends
from .guard import measure_guard
from .images import measure_images
from .largest_requests import measure_largest_requests
from .load import Cell, run_cell
from .memory import measure_memory
from .overload import measure_overload
from .peers.checkpoints import int8_checkpoint
from .planned import measure_paced_plan, measure_plan
from .processes import bench_server, run_bare_loop
from .shadow import measure_shadow
from .start import measure_start
from .telemetry import measure_scrapes, measure_telemetry

_CACHE = Path.home() / ".cache" / "bge-reranker" / "bench"
_DEADLINE_S = 3_600
"""A slow CPU with 32 clients takes minutes for one round; the benchmark wants to see them, not to refuse them."""


PARTS = (
    *("speed", "overload", "guard", "cache", "fairness", "largest-requests", "bodies", "memory", "start"),
    *("telemetry", "scrapes", "backlog", "front-ends", "shadow"),
    *("plan", "plan-paced", "balancing", "images"),
)


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only this part; may be repeated.")
@click.option("--clients", default="1,4,16,32", show_default=True, help="Numbers of clients, one cell each.")
@click.option("--seconds", default=60.0, show_default=True, help="A cell sends nothing new after this.")
@click.option("--requests", default=50, show_default=True, help="A cell sends no more requests than this.")
@click.option("--batch-tokens", default=2_048, show_default=True, help="Largest batch of the bare loop.")
@click.option("--pairs", default=100_000, show_default=True, help="Pairs of the memory run.")
@click.option("--against", metavar="REF", help="Compare this tree with a commit instead, in alternating pairs.")
@click.option(
    "--rounds",
    default=10,
    show_default=True,
    help="Pairs of turns of --against, cache, telemetry, scrapes, front-ends, images.",
)
@click.option("--turn-seconds", default=5.0, show_default=True, help="How long such a turn is to take.")
@click.option(
    "--json", "json_file", default=Path("build/bench.json"), type=click.Path(path_type=Path), show_default=True
)
def bench(
    parts: tuple[str, ...],
    clients: str,
    seconds: float,
    requests: int,
    batch_tokens: int,
    pairs: int,
    against: str | None,
    rounds: int,
    turn_seconds: float,
    json_file: Path,
) -> None:
    """Measure the base shape by HTTP, bare and overloaded, large and hostile requests, and the embedded model."""
    # Wide enough for every column where the output is not a terminal.
    console = Console(width=None if sys.stdout.isatty() else 130)
    if against is not None:
        _compare(against, rounds, turn_seconds, console)
        return
    shape, counts = _CACHE / "xlm-roberta-base-shape", [int(number) for number in clients.split(",")]
    measures: dict[str, Callable[[], Any]] = {
        "speed": lambda: _measure_speed(console, counts, seconds, requests, batch_tokens),
        "overload": lambda: measure_overload(write_checkpoint(shape), console),
        "cache": lambda: measure_cache(console, rounds, turn_seconds),
        "fairness": lambda: measure_fairness(console),
        "largest-requests": lambda: measure_largest_requests(console),
        "bodies": lambda: measure_bodies(console, min(seconds, 10)),
        "memory": lambda: measure_memory(pairs, console),
        "start": lambda: measure_start(console, _started_models(shape)),
        "telemetry": lambda: measure_telemetry(rounds, turn_seconds, console),
        "scrapes": lambda: measure_scrapes(rounds, turn_seconds, console),
        "backlog": lambda: measure_backlog(console),
        "front-ends": lambda: measure_front_ends(shape, rounds, turn_seconds, console),
        "shadow": lambda: measure_shadow(rounds, turn_seconds, console),
        "guard": lambda: measure_guard(min(seconds, 5), console),
        "balancing": lambda: measure_balancing(console),
        "images": lambda: measure_images(_CACHE / "vit-b-32-shape", rounds, console),
        "plan": lambda: measure_plan(console, min(seconds, 60)),
        "plan-paced": lambda: measure_paced_plan(console, seconds),
    }
    report: dict[str, Any] = {"machine": describe_machine(), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    for part in PARTS:
        if part in (parts or PARTS):
            report[part.replace("-", "_")] = measures[part]()
    json_file.parent.mkdir(parents=True, exist_ok=True)
    json_file.write_text(json.dumps(report, indent=1), encoding="utf-8")
    console.print(f"{report['machine']}. Written to {json_file}.")


def _compare(ref: str, rounds: int, seconds: float, console: Console) -> None:
    machine = describe_machine()
    try:
        found = compare_trees(ref, rounds, seconds, _CACHE, console)
    except LookupError as error:
        raise click.BadParameter(f"{error}.", param_hint="--against") from error
    console.print(f"{machine}. Written to {save({'machine': machine, **found})}.")


def _started_models(shape: Path) -> dict[str, Path | str]:
    return {
        "the embedded model": "demo",
        "the base shape in int8": int8_checkpoint("base", _CACHE),
        "the base shape in float32": write_checkpoint(shape),
    }


def _measure_speed(
    console: Console, clients: list[int], seconds: float, requests: int, batch_tokens: int
) -> dict[str, Any]:
    folder = write_checkpoint(_CACHE / "xlm-roberta-base-shape")
    bare = [run_bare_loop(folder, seconds / 2, batch_tokens)]
    cells: list[Cell] = []
    with bench_server(str(folder), deadline_s=_DEADLINE_S, max_queue_tokens=100_000_000) as server:
        for count in clients:
            console.print(f"{count} clients ...")
            cells.append(asyncio.run(run_cell(server, _requests(folder, count), count, seconds, requests)))
    # Before and after: the machine's speed may drift while the cells run.
    bare.append(run_bare_loop(folder, seconds / 2, batch_tokens))
    _print(console, cells, bare, server.report)
    return {
        "bare_loop": bare,
        "event_loop": server.report,
        "cells": [cell.as_json() for cell in cells],
    }


def _requests(folder: Path, seed: int) -> Iterator[dict[str, Any]]:
    texts = Texts(folder, seed)
    while True:
        yield texts.request()


def _print(console: Console, cells: list[Cell], bare: list[dict[str, float]], loop: dict[str, Any]) -> None:
    wall, cpu = (statistics.mean(run[f"tokens_per_{unit}"] for run in bare) for unit in ("second", "cpu_second"))
    shown = ", ".join(f"{run['tokens_per_second']:.0f}" for run in bare)
    console.print(f"\nBare loop, before and after: {shown} tokens/s; {cpu:.0f} tokens per CPU second")
    table = Table(
        *"clients|requests|failed|tokens/s|of bare|per CPU s|of bare|p50 ms|p95 ms|p99 ms|client CPU s".split("|")
    )
    for cell in cells:
        percentiles = (f"{cell.percentile_ms(percent):.0f}" for percent in (50, 95, 99))
        table.add_row(
            str(cell.clients),
            str(len(cell.latencies_s)),
            str(cell.failed),
            f"{cell.tokens_per_second:.0f}",
            f"{cell.tokens_per_second / wall:.0%}",
            f"{cell.tokens_per_cpu_second:.0f}",
            f"{cell.tokens_per_cpu_second / cpu:.0%}",
            *percentiles,
            f"{cell.generator_cpu_s:.2f}",
        )
    console.print(table)
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
