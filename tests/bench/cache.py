"""What known scores save, and what looking for them costs where nothing is known: two servers side by side."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from rich.console import Console

from bge_reranker.demo import demo_model_directory
from tests.live.redis_server import redis_server
from tests.needs import REDIS_SERVER

from .against.ratios import median_ratio, turns
from .documents import Texts
from .load import Cell, run_cell
from .processes import BenchServer, bench_server

WANTED_HIT_MS, WANTED_ADDED_MS, WANTED_LOSS = 5.0, 1.0, 0.03

_HIT_PAIRS = 100
_HITS, _COMPUTED = 300, 10
_KEPT = {"score_cache_bytes": 100_000_000}
_CLIENTS = 8
_TIMEOUT_S = 60.0


def measure_cache(console: Console, rounds: int, turn_seconds: float) -> dict[str, Any]:
    """Measure answers of which everything is known, and of which nothing is.

    Args:
        console: Where the result is shown.
        rounds: Pairs of turns.
        turn_seconds: How long a turn is to take.
    """
    report: dict[str, Any] = {}
    with ExitStack() as running:
        without, kept = (running.enter_context(bench_server("demo", **flags)) for flags in ({}, _KEPT))
        report["hit_p50_ms"] = asyncio.run(_answers_ms(kept, _HITS))
        report["computed_p50_ms"] = asyncio.run(_answers_ms(without, _COMPUTED))
        console.print(
            f"Cache: {_HIT_PAIRS} known pairs p50 {report['hit_p50_ms']:.2f} ms (wanted: < {WANTED_HIT_MS:g}), "
            f"computed {report['computed_p50_ms']:.2f}"
        )
        report["miss"] = _compare(console, "in process", kept, without, rounds, turn_seconds)
        if REDIS_SERVER.is_met:
            folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
            redis = running.enter_context(redis_server(folder))
            shared = running.enter_context(bench_server("demo", **_KEPT, share_scores="true", redis_url=redis.url))
            report["miss_with_redis"] = _compare(console, "and in Redis", shared, without, rounds, turn_seconds)
            other = running.enter_context(bench_server("demo", share_scores="true", redis_url=redis.url))
            report["redis_hit_p50_ms"] = asyncio.run(_answers_ms(other, _HITS))
            console.print(f"Cache: {_HIT_PAIRS} pairs known to Redis alone p50 {report['redis_hit_p50_ms']:.2f} ms")
    return report


async def _answers_ms(server: BenchServer, times: int) -> float:
    """Milliseconds of the median answer to one request that is sent again and again; the first does not count."""
    body = Texts(demo_model_directory(), 1).request(_HIT_PAIRS)
    times_s = []
    async with httpx.AsyncClient(base_url=server.url, timeout=_TIMEOUT_S) as http:
        for _ in range(times + 1):
            began = time.perf_counter()
            (await http.post("/rerank", json=body)).raise_for_status()
            times_s.append(time.perf_counter() - began)
    return float(np.median(times_s[1:])) * 1000


def _compare(
    console: Console, where: str, kept: BenchServer, without: BenchServer, rounds: int, turn_seconds: float
) -> dict[str, Any]:
    """Let both answer requests of which nothing is known, in turns; each begins every other pair."""
    seeds = itertools.count(2)
    found: dict[str, Any] = {}
    for clients in (1, _CLIENTS):
        cells: dict[str, list[Cell]] = {"this": [], "other": []}
        for pair in turns(rounds):
            seed = next(seeds)
            for side in pair:
                server = kept if side == "this" else without
                cells[side].append(asyncio.run(run_cell(server, _fresh(seed), clients, turn_seconds, 10**6)))
        added_ms = [
            this.percentile_ms(95) - other.percentile_ms(95)
            for this, other in zip(cells["this"], cells["other"], strict=True)
        ]
        ratio = median_ratio(
            [cell.tokens_per_second for cell in cells["this"]], [cell.tokens_per_second for cell in cells["other"]]
        )
        per_cpu = median_ratio(
            [cell.tokens_per_cpu_second for cell in cells["this"]],
            [cell.tokens_per_cpu_second for cell in cells["other"]],
        )
        found[str(clients)] = {
            "added_p95_ms": float(np.median(added_ms)),
            "throughput": ratio.ratio,
            "throughput_low": ratio.low,
            "throughput_high": ratio.high,
            "throughput_per_cpu_s": per_cpu.ratio,
        }
        console.print(
            f"Cache: nothing known, {where}, {clients} clients: p95 {float(np.median(added_ms)):+.2f} ms (wanted: < "
            f"{WANTED_ADDED_MS:g}), tokens/s {ratio} (wanted: > {1 - WANTED_LOSS}), in a CPU second {per_cpu}"
        )
    return found


def _fresh(seed: int) -> Iterator[dict[str, Any]]:
    texts = Texts(demo_model_directory(), seed)
    while True:
        yield texts.request()
