"""What several front ends on one machine would gain, and what several servers with a part of its cores cost.

Two sides take turns in one run. *Front ends*: one process, and one for each core, each before a scorer that costs
nothing, so that only HTTP, JSON, tokenising and queueing are left. *Servers*: one process with all cores, and one for
each core, as several workers of a web server would be, each with the whole model.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

from rich.console import Console

from bge_reranker.demo import demo_model_directory

from .against.ratios import MedianRatio, Side, median_ratio, turns
from .checkpoint import write_checkpoint
from .documents import Texts
from .load import Cell, run_cell
from .processes import BenchServer, started

_CLIENTS = 8
_BODIES = 64
_DOCUMENTS = (4, 16, 100)
"""Documents of a request: a short list, the benchmarks' usual, and as many as searches commonly send."""

_SERVED_DOCUMENTS = 4
"""Fewer where the work is a real model's, so that a turn has more requests than clients."""

_DEADLINE_S = 600
_WARM_UP_S = 2.0
_FREE = ("-m", "tests.bench.free_server")

Sides = dict[Side, Sequence[BenchServer]]
"""`this`: several processes; `other`: one."""


def measure_front_ends(folder: Path, rounds: int, seconds: float, console: Console) -> dict[str, Any]:
    """Compare one process with one for each core.

    Args:
        folder: Of the checkpoint with the work of a real model.
        rounds: Pairs of turns.
        seconds: How long a turn is to take.
        console: Where the result is shown.
    """
    cores = len(os.sched_getaffinity(0))
    report: dict[str, Any] = {"processes": cores}
    with _sides(_FREE, _FREE, cores) as sides:
        for documents in _DOCUMENTS:
            report[f"front ends, {documents} documents"] = _front_ends(sides, documents, rounds, seconds, console)
    for name, model in (("demo", "demo"), ("base", str(write_checkpoint(folder)))):
        with _sides(_served(model, threads=cores), _served(model, threads=1), cores) as sides:
            for clients in (1, _CLIENTS):
                report[f"servers, {name}, {clients} clients"] = _servers(sides, name, clients, rounds, seconds, console)
    return report


def _front_ends(sides: Sides, documents: int, rounds: int, seconds: float, console: Console) -> dict[str, Any]:
    cells = _in_turns(sides, documents, _CLIENTS, rounds, seconds)
    this, other = cells["this"], cells["other"]
    throughput = median_ratio([cell.tokens_per_second for cell in this], [cell.tokens_per_second for cell in other])
    tokens = sum(cell.tokens for cell in other)
    wall_s = sum(cell.seconds for cell in other)
    cpu_s = sum(cell.server_cpu_s for cell in other)
    console.print(
        f"Front ends, {documents} documents: {len(sides['this'])} processes / one: throughput {throughput}; one: "
        f"{tokens / wall_s:.0f} tokens/s on {cpu_s / wall_s:.2f} cores, {cpu_s / tokens * 1e6:.2f} CPU s for a million "
        "tokens"
    )
    return {
        "throughput": asdict(throughput),
        "tokens_per_second": tokens / wall_s,
        "cores": cpu_s / wall_s,
        "cpu_s_per_million_tokens": cpu_s / tokens * 1e6,
        **_as_json(cells),
    }


def _servers(sides: Sides, name: str, clients: int, rounds: int, seconds: float, console: Console) -> dict[str, Any]:
    cells = _in_turns(sides, _SERVED_DOCUMENTS, clients, rounds, seconds)
    this, other = cells["this"], cells["other"]
    throughput = median_ratio([cell.tokens_per_second for cell in this], [cell.tokens_per_second for cell in other])
    median = median_ratio([cell.percentile_ms(50) for cell in this], [cell.percentile_ms(50) for cell in other])
    memory = {side: sum(server.resident_mib() for server in servers) for side, servers in sides.items()}
    console.print(
        f"Servers, {name}, {clients} clients: {len(sides['this'])} processes of one thread / one with all: throughput "
        f"{throughput}, p50 {median}, memory {memory['this']:.0f} / {memory['other']:.0f} MiB"
    )
    return {"throughput": asdict(throughput), "p50_latency": asdict(median), "memory_mib": memory, **_as_json(cells)}


def _ratio(cells: dict[Side, list[Cell]], figure: Callable[[Cell], float]) -> MedianRatio:
    this, other = ([figure(cell) for cell in cells[side]] for side in ("this", "other"))
    return median_ratio(this, other)


def _in_turns(sides: Sides, documents: int, clients: int, rounds: int, seconds: float) -> dict[Side, list[Cell]]:
    texts = Texts(demo_model_directory(), documents)
    bodies = [texts.request(documents) for _ in range(_BODIES)]
    for servers in sides.values():
        asyncio.run(_turn(servers, bodies, clients, _WARM_UP_S))
    cells: dict[Side, list[Cell]] = {"this": [], "other": []}
    for order in turns(rounds):
        for side in order:
            cells[side].append(asyncio.run(_turn(sides[side], bodies, clients, seconds)))
    return cells


async def _turn(servers: Sequence[BenchServer], bodies: list[dict[str, Any]], clients: int, seconds: float) -> Cell:
    """Load all servers of a side at a time, each with its part of the clients."""
    parts = [clients // len(servers) + (number < clients % len(servers)) for number in range(len(servers))]
    cells = await asyncio.gather(
        *(
            run_cell(server, cycle(bodies), part, seconds, 1_000_000)
            for server, part in zip(servers, parts, strict=True)
            if part
        )
    )
    together = Cell(clients, seconds=max(cell.seconds for cell in cells))
    for cell in cells:
        together.tokens += cell.tokens
        together.pairs += cell.pairs
        together.latencies_s += cell.latencies_s
        together.failed += cell.failed
        together.server_cpu_s += cell.server_cpu_s
    # The cells share one process: each has counted its time whole.
    together.generator_cpu_s = cells[0].generator_cpu_s
    if together.failed or not together.latencies_s:
        raise RuntimeError(f"{together.failed} requests failed, so that the turns are not of the same work")
    return together


def _as_json(cells: dict[Side, list[Cell]]) -> dict[str, Any]:
    return {
        "several": [cell.as_json() for cell in cells["this"]],
        "one": [cell.as_json() for cell in cells["other"]],
    }


def _served(model: str, threads: int) -> tuple[str, ...]:
    ports = ("--port", "0", "--management-port", "0", "--drain-delay-s", "0")
    patience = ("--deadline-s", str(_DEADLINE_S), "--log-level", "error")
    return ("-m", "bge_reranker", "serve", "--model", model, "--threads", str(threads), *ports, *patience)


@contextmanager
def _sides(one: tuple[str, ...], part: tuple[str, ...], count: int) -> Iterator[Sides]:
    """Run both sides until the block ends.

    Args:
        one: Arguments of the single process.
        part: Arguments of each of the several.
        count: How many those are.
    """
    with ExitStack() as stack:
        yield {
            "other": [stack.enter_context(started(*one))],
            "this": [stack.enter_context(started(*part)) for _ in range(count)],
        }
