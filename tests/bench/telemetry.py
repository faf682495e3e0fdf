"""What telemetry costs: throughput with all of it on beside as little as there can be, and latency under scrapes."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from .against.comparison import Workload
from .against.ratios import MedianRatio, Side, median_ratio, turns
from .load import Cell, run_cell
from .processes import BenchServer, started
from .telemetry_parts import measure_parts

_WORKLOAD = Workload("demo", "demo", documents=16, clients=8)
"""The embedded model: the smaller the model, the more of its time is telemetry's."""

_SERVERS = 4
"""How many pairs of servers share the turns: where a process happens to lie in memory is worth some percent."""

_WARM_UP_S = 2.0

_SCRAPES_PER_S = 1 / 15
"""As often as the chart's ServiceMonitor has the server scraped."""

_SETTLE_S = 1.5
"""Idle seconds after each turn, which count to it: the SDK sends once a second what is left of the turn's spans."""


def measure_telemetry(rounds: int, seconds: float, console: Console) -> dict[str, Any]:
    """Load two servers of this tree in turns: one tells everything, to a receiver too, the other as little as it can.

    Args:
        rounds: Pairs of turns, shared by pairs of servers.
        seconds: How long a turn is to take.
        console: Where the result is shown.
    """
    with started("-m", "tests.bench.otlp_sink") as sink:
        everything = ("--otlp-endpoint", sink.url, "--rerank-attributes", "both", "--tei-metric-names")
        cells: dict[Side, list[Cell]] = {"this": [], "other": []}
        for _ in range(min(_SERVERS, rounds)):
            with _server("--log-level", "info", *everything) as this, _server("--log-level", "error") as other:
                servers: dict[Side, _Server] = {"this": this, "other": other}
                with _scraped(this, _SCRAPES_PER_S):
                    found = _in_turns(servers, max(1, rounds // _SERVERS), seconds)
            for side, more in found.items():
                cells[side] += more
    throughput = _ratio(cells, "tokens_per_second")
    per_cpu_second = _ratio(cells, "tokens_per_cpu_second")
    console.print(f"Telemetry on / off: throughput {throughput}, per CPU second {per_cpu_second}")
    own = measure_parts(_WORKLOAD.documents)
    of_request_us = 1e6 * min(cell.server_cpu_s / len(cell.latencies_s) for cell in cells["other"])
    console.print(f"Its own CPU time, of the {of_request_us / 1000:.1f} ms of a request: {own.of(of_request_us)}")
    return {
        "throughput": asdict(throughput),
        "throughput_per_cpu_second": asdict(per_cpu_second),
        "own_cpu_us": asdict(own),
        "request_cpu_us": of_request_us,
        **_as_json(cells),
    }


def measure_scrapes(rounds: int, seconds: float, console: Console) -> dict[str, Any]:
    """Load one server in turns, with 100 scrapes a second and without any.

    Args:
        rounds: Pairs of turns.
        seconds: How long a turn is to take.
        console: Where the result is shown.
    """
    with _server("--log-level", "error") as server:
        cells = _in_turns({"this": server, "other": server}, rounds, seconds, scrapes_per_s=100.0)
    ratio = median_ratio(
        [cell.percentile_ms(95) for cell in cells["this"]], [cell.percentile_ms(95) for cell in cells["other"]]
    )
    throughput = _ratio(cells, "tokens_per_second")
    console.print(f"100 scrapes a second / none: p95 latency {ratio}, throughput {throughput}")
    return {"p95_latency": asdict(ratio), "throughput": asdict(throughput), **_as_json(cells)}


def _in_turns(
    servers: dict[Side, _Server], rounds: int, seconds: float, scrapes_per_s: float = 0.0
) -> dict[Side, list[Cell]]:
    for server in servers.values():
        _run(server.api, 0, _WARM_UP_S)
    requests = len(_run(servers["other"].api, 0, seconds).latencies_s)
    cells: dict[Side, list[Cell]] = {"this": [], "other": []}
    for seed, order in enumerate(turns(rounds), 1):
        for side in order:
            with _scraped(servers[side], scrapes_per_s if side == "this" else 0.0):
                cells[side].append(_run(servers[side].api, seed, 10 * seconds, requests))
    return cells


def _run(server: BenchServer, seed: int, seconds: float, requests: int = 1_000_000) -> Cell:
    cpu_s = server.cpu_s()
    cell = asyncio.run(run_cell(server, _WORKLOAD.requests(seed), _WORKLOAD.clients, seconds, requests))
    time.sleep(_SETTLE_S)
    cell.server_cpu_s = server.cpu_s() - cpu_s
    if cell.failed or not cell.latencies_s:
        raise RuntimeError(f"{cell.failed} requests failed, so that the turns are not of the same work")
    return cell


@contextmanager
def _scraped(server: _Server, scrapes_per_s: float) -> Iterator[None]:
    """Scrape a server until the block ends."""
    if not scrapes_per_s:
        yield
        return
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.scraper", server.management_url, str(scrapes_per_s)]
    ) as scraper:
        yield
        if scraper.poll() is not None:
            raise RuntimeError("scraping ended before its time")
        scraper.terminate()


def _ratio(cells: dict[Side, list[Cell]], figure: str) -> MedianRatio:
    this, other = ([float(getattr(cell, figure)) for cell in cells[side]] for side in ("this", "other"))
    return median_ratio(this, other)


def _as_json(cells: dict[Side, list[Cell]]) -> dict[str, Any]:
    return {"on": [cell.as_json() for cell in cells["this"]], "off": [cell.as_json() for cell in cells["other"]]}


@dataclass(frozen=True, slots=True)
class _Server:
    """A server with an address for scrapers."""

    api: BenchServer
    management_url: str


@contextmanager
def _server(*flags: str) -> Iterator[_Server]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    fixed = ("--port", "0", "--management-port", str(port), "--drain-delay-s", "0", "--model", _WORKLOAD.model)
    with started("-m", "bge_reranker", "serve", *fixed, *flags) as server:
        yield _Server(server, f"http://127.0.0.1:{port}")
