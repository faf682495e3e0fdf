"""What callers notice of a shadow: a server that feeds one beside one that does not, by turns.

On a cluster a shadow computes on another node, or another GPU. Here it gets a core apart from the servers, and there
yields to the program that measures. Cores of one machine share memory and caches, so that its computing is still felt:
another shadow waits as long as it would compute, which leaves what feeding one costs the server itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from bge_reranker.demo import demo_model_directory

from .documents import Texts
from .processes import BenchServer, bench_server, started

_SAMPLE_RATIO = 0.1
_DOCUMENTS = 50
_TOKENS_PER_S = 40_000.0
"""Of a shadow that waits: about what the embedded model computes on one core."""

_PAUSE_S = 0.02
"""Between an answer and the next request: callers are not always there."""


@dataclass
class _Way:
    """One server, and how long its callers waited."""

    name: str
    server: BenchServer
    latencies_s: list[float] = field(default_factory=list)
    p95_ms_of_turns: list[float] = field(default_factory=list)


def measure_shadow(rounds: int, turn_seconds: float, console: Console) -> dict[str, Any]:
    """Measure the latency of callers with and without a shadow.

    Args:
        rounds: Turns of each server.
        turn_seconds: Time of one turn.
        console: Where the result is shown.
    """
    with ExitStack() as stack:
        # Ports of a shadow are those of the server that feeds it, on another address.
        beside, away = _ports("127.0.0.2"), _ports("127.0.0.3")
        shadows = [
            stack.enter_context(bench_server("demo", threads=1, **_on("127.0.0.2"), **beside)),
            stack.enter_context(_waiting_shadow(stack, {**_on("127.0.0.3"), **away})),
        ]
        ways = [
            _Way("alone", stack.enter_context(bench_server("demo", threads=1))),
            _Way("alone, again", stack.enter_context(bench_server("demo", threads=1))),
            _Way("feeds one that waits", stack.enter_context(_feeding("127.0.0.3", away))),
            _Way("feeds one that computes", stack.enter_context(_feeding("127.0.0.2", beside))),
        ]
        _set_apart(shadows, [way.server for way in ways])
        asyncio.run(_turns(ways, rounds, turn_seconds))
        samples = {way.name: _samples(way.server) for way in ways[2:]}
    report = {
        "sample_ratio": _SAMPLE_RATIO,
        "documents": _DOCUMENTS,
        "rounds": rounds,
        "samples": samples,
        "ways": [_figures(way, ways[0]) for way in ways],
    }
    _print(report, console)
    return report


def _on(host: str) -> dict[str, Any]:
    return {"host": host, "management_host": host}


def _feeding(host: str, ports: dict[str, int]) -> AbstractContextManager[BenchServer]:
    fed = {"shadow_hosts": host, "shadow_sample_ratio": _SAMPLE_RATIO}
    return bench_server("demo", threads=1, **ports, **fed)


def _waiting_shadow(stack: ExitStack, flags: dict[str, Any]) -> AbstractContextManager[BenchServer]:
    """A shadow that takes as long as the model would, and no processor for it."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    Path(folder, "rate").write_text(str(_TOKENS_PER_S), encoding="utf-8")
    return started("-m", "tests.bench.paced_server", folder, json.dumps(flags), str(demo_model_directory()))


def _set_apart(shadows: list[BenchServer], servers: list[BenchServer]) -> None:
    first, *others = sorted(psutil.Process().cpu_affinity() or [0])
    for server in servers:
        server.process.cpu_affinity([first])
    for shadow in shadows:
        shadow.process.cpu_affinity(others or [first])
        shadow.process.nice(19)
    psutil.Process().cpu_affinity(others or [first])


async def _turns(ways: list[_Way], rounds: int, seconds: float) -> None:
    order = list(ways)
    async with httpx.AsyncClient(timeout=60) as http:
        for way in ways:
            await _turn(http, way, 1.0)
            way.latencies_s.clear()
        for _ in range(rounds):
            for way in order:
                before = len(way.latencies_s)
                await _turn(http, way, seconds)
                way.p95_ms_of_turns.append(float(np.percentile(way.latencies_s[before:], 95)) * 1000)
            # The other way round in the next round: whoever comes first finds a colder processor.
            order.reverse()


async def _turn(http: httpx.AsyncClient, way: _Way, seconds: float) -> None:
    requests, ends_at = _requests(), time.perf_counter() + seconds
    while time.perf_counter() < ends_at:
        sent = time.perf_counter()
        answer = await http.post(f"{way.server.url}/rerank", json=next(requests))
        answer.raise_for_status()
        way.latencies_s.append(time.perf_counter() - sent)
        await asyncio.sleep(_PAUSE_S)


def _requests() -> Iterator[dict[str, Any]]:
    texts = Texts(Path(demo_model_directory()), seed=5)
    while True:
        yield {"query": texts.text(8), "candidates": [texts.text(20) for _ in range(_DOCUMENTS)]}


def _samples(server: BenchServer) -> dict[str, float]:
    text = httpx.get(f"{server.url}/metrics").text
    return {
        sample.labels["outcome"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "bge_reranker_shadow_samples_total"
    }


def _figures(way: _Way, alone: _Way) -> dict[str, Any]:
    p50, p95 = (float(np.percentile(way.latencies_s, percent)) * 1000 for percent in (50, 95))
    base = float(np.percentile(alone.latencies_s, 95)) * 1000
    ratios = [mine / theirs for mine, theirs in zip(way.p95_ms_of_turns, alone.p95_ms_of_turns, strict=True)]
    return {
        "way": way.name,
        "requests": len(way.latencies_s),
        "p50_ms": p50,
        "p95_ms": p95,
        "p95_ratio": p95 / base,
        "median_p95_ratio_of_turns": float(np.median(ratios)),
    }


def _print(report: dict[str, Any], console: Console) -> None:
    table = Table(
        *"server|requests|p50 ms|p95 ms|p95 of alone|median of turns".split("|"),
        title=f"{_DOCUMENTS} documents, embedded model, {_SAMPLE_RATIO:.0%} sampled, {os.cpu_count()} CPUs",
    )
    for row in report["ways"]:
        table.add_row(
            row["way"],
            str(row["requests"]),
            f"{row['p50_ms']:.1f}",
            f"{row['p95_ms']:.1f}",
            f"{row['p95_ratio']:.3f}",
            f"{row['median_p95_ratio_of_turns']:.3f}",
        )
    console.print(table)
    console.print(f"Samples: {report['samples']}.")


def _ports(host: str) -> dict[str, int]:
    """Two that are free, on a shadow's address and so, most likely, on the server's that feeds it."""
    with socket.socket() as api, socket.socket() as management:
        for free in (api, management):
            free.bind((host, 0))
        return {"port": api.getsockname()[1], "management_port": management.getsockname()[1]}
