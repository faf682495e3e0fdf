"""What the guard and a score cache that knows nothing cost: an open server beside others, by turns.

Throughput is that of the embedded model. Latency is that of a scorer that sleeps, whose own time is always the same:
that of a model scatters by more than there is to see.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
import numpy as np
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from rich.console import Console
from rich.table import Table
from starlette.datastructures import Headers

from bge_reranker.configuration import load_settings
from bge_reranker.demo import demo_model_directory
from bge_reranker.guard.api_keys import hashed
from bge_reranker.guard.guard import create_guard
from bge_reranker.observe.start import create_metrics
from tests.live.redis_server import redis_server
from tests.needs import REDIS_SERVER

from .documents import Texts
from .load import Cell, run_cell
from .processes import BenchServer, bench_server, started

_KEY = "bgr_the-key-of-the-benchmark"
_OTHER_KEYS = 50
"""Keys beside it: every one is compared."""

_ISSUER, _AUDIENCE = "https://issuer.example", "bge-reranker"
_DOCUMENTS = 20
_CLIENTS = 8
_PACED_RATE = 100_000
"""Tokens a second of the scorer that sleeps: some milliseconds for a request."""

_RESAMPLES = 1_000
_CACHE_BYTES = 100_000_000
_ROUNDS = 6
_REQUESTS_ALONE, _TOKENS = 2_000, 500
_FREE = 1_000_000_000
"""A limit that nobody reaches: what is counted costs the same."""


@dataclass
class _Way:
    """One way to be guarded, and how it is called.

    Attributes:
        server: Of the embedded model.
        paced: Of the scorer that sleeps.
    """

    name: str
    server: BenchServer
    paced: BenchServer
    headers: dict[str, str]
    flags: dict[str, Any]
    cells: list[Cell] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)


def measure_guard(seconds: float, console: Console) -> dict[str, Any]:
    """Measure latency request by request, and throughput turn by turn.

    Args:
        seconds: Time of one turn with several clients; as long again, for each server, with one.
        console: Where the result is shown.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ways = _ways(Path(folder), stack)
        asyncio.run(_latencies(ways, seconds * len(ways)))
        for turn in range(1, _ROUNDS + 1):
            for way in ways:
                way.cells.append(
                    asyncio.run(run_cell(way.server, _requests(turn), _CLIENTS, seconds, 1_000_000, way.headers))
                )
            # The other way round in the next round: whoever comes first finds a colder processor.
            ways.reverse()
        if _ROUNDS % 2:
            ways.reverse()
        report = [_figures(way, ways[0]) | {"guard_cpu_us": asyncio.run(_alone_us(way))} for way in ways]
    _print(report, console)
    return {"clients": _CLIENTS, "documents": _DOCUMENTS, "rounds": _ROUNDS, "ways": report}


def _ways(folder: Path, stack: ExitStack) -> list[_Way]:
    key = rsa.generate_private_key(65537, 2048)
    (folder / "jwks.json").write_text(f'{{"keys": [{RSAAlgorithm.to_jwk(key.public_key())}]}}', encoding="utf-8")
    lines = [hashed(_KEY), *(hashed(f"another-key-{number}") for number in range(_OTHER_KEYS))]
    (folder / "keys").write_text("\n".join(lines), encoding="utf-8")
    claims = {"iss": _ISSUER, "aud": _AUDIENCE, "sub": "bench", "exp": time.time() + 86_400}
    by_key = {"Authorization": f"Bearer {_KEY}"}
    by_token = {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='RS256')}"}
    limits = {"requests_per_minute": _FREE, "tokens_per_minute": _FREE}
    keys = {"keys_file": str(folder / "keys")}
    tokens = {"jwks_file": str(folder / "jwks.json"), "jwt_issuer": _ISSUER, "jwt_audience": _AUDIENCE}
    kinds: list[tuple[str, dict[str, Any], dict[str, str]]] = [
        ("open", {}, {}),
        ("open, again", {}, {}),
        ("keys and limits", keys | limits, by_key),
        ("tokens (RS256) and limits", tokens | limits, by_token),
        ("keys, limits and a cache", keys | limits | {"score_cache_bytes": _CACHE_BYTES}, by_key),
    ]
    if REDIS_SERVER.is_met:
        redis = stack.enter_context(redis_server(folder))
        kinds.append(("keys and limits in Redis", keys | limits | {"redis_url": redis.url}, by_key))
    (folder / "rate").write_text(str(_PACED_RATE), encoding="utf-8")
    ways = []
    for name, flags, headers in kinds:
        server = stack.enter_context(bench_server("demo", **flags))
        paced = stack.enter_context(started("-m", "tests.bench.paced_server", str(folder), json.dumps(flags)))
        ways.append(_Way(name, server, paced, headers, flags))
    return ways


async def _alone_us(way: _Way) -> float:
    """CPU microseconds that the guard takes for one request, without a server around it."""
    settings = load_settings(flags=way.flags)
    guard, headers = create_guard(settings.guard, create_metrics(settings.observe)), Headers(way.headers)

    async def pass_one() -> None:
        admitted = await guard.admit(headers, "127.0.0.1", "rerank")
        charge = await guard.charge(admitted, _TOKENS)
        if charge is not None:
            charge.settle(_TOKENS - 1)

    # A token is verified with the first request, and a connection made.
    await pass_one()
    began = time.process_time()
    for _ in range(_REQUESTS_ALONE):
        await pass_one()
    took_s = time.process_time() - began
    if guard.redis is not None:
        await guard.redis.close()
    return took_s / _REQUESTS_ALONE * 1e6


async def _latencies(ways: list[_Way], seconds: float) -> None:
    """One client that asks each server in turn, the same question."""
    requests, ends_at = _requests(0), time.perf_counter() + seconds
    async with httpx.AsyncClient(timeout=60) as http:
        while time.perf_counter() < ends_at:
            body = next(requests)
            for way in ways:
                sent = time.perf_counter()
                answer = await http.post(f"{way.paced.url}/rerank", json=body, headers=way.headers)
                answer.raise_for_status()
                way.latencies_s.append(time.perf_counter() - sent)
            ways.append(ways.pop(0))
    # As they were.
    ways.sort(key=lambda way: way.name != "open")


def _requests(seed: int) -> Iterator[dict[str, Any]]:
    """Requests whose texts no other seed has, so that a cache knows none of them."""
    texts = Texts(Path(demo_model_directory()), seed)
    while True:
        yield {"query": texts.text(8), "candidates": [texts.text(20) for _ in range(_DOCUMENTS)]}


def _figures(way: _Way, opened: _Way) -> dict[str, Any]:
    def percentile_ms(of: _Way, percent: float) -> float:
        return float(np.percentile(of.latencies_s, percent)) * 1000

    pairs = list(zip(way.cells, opened.cells, strict=True))
    ratios = [mine.tokens_per_second / theirs.tokens_per_second for mine, theirs in pairs]
    cpu_ratios = [mine.tokens_per_cpu_second / theirs.tokens_per_cpu_second for mine, theirs in pairs]
    return {
        "way": way.name,
        "requests": len(way.latencies_s),
        "failed": sum(cell.failed for cell in way.cells),
        "p50_ms": percentile_ms(way, 50),
        "p95_ms": percentile_ms(way, 95),
        "p50_added_ms": percentile_ms(way, 50) - percentile_ms(opened, 50),
        "p95_added_ms": percentile_ms(way, 95) - percentile_ms(opened, 95),
        "p95_added_ms_interval": _interval_ms(way, opened),
        "tokens_per_second": statistics.median(cell.tokens_per_second for cell in way.cells),
        "throughput_ratio": statistics.median(ratios),
        "throughput_ratios": ratios,
        "cpu_ratio": statistics.median(cpu_ratios),
        "cpu_ratios": cpu_ratios,
    }


def _interval_ms(way: _Way, opened: _Way) -> list[float]:
    """95 % interval of what is added to the 95th percentile: the same questions drawn again and again for both."""
    both_ms = np.array([way.latencies_s, opened.latencies_s]) * 1000
    drawn = np.random.default_rng(0).integers(both_ms.shape[1], size=(_RESAMPLES, both_ms.shape[1]))
    mine, theirs = (np.percentile(of[drawn], 95, axis=1) for of in both_ms)
    low, high = np.percentile(mine - theirs, [2.5, 97.5])
    return [float(low), float(high)]


def _print(report: list[dict[str, Any]], console: Console) -> None:
    table = Table(
        *"server|requests|p50 ms|added|p95 ms|added|interval|tokens/s|of open|in a CPU s|guard CPU us".split("|"),
        title=f"{_DOCUMENTS} documents; latency of a paced scorer, throughput of the embedded model",
    )
    for row in report:
        table.add_row(
            row["way"],
            str(row["requests"]),
            *(f"{row[name]:.2f}" for name in ("p50_ms", "p50_added_ms", "p95_ms", "p95_added_ms")),
            "{:.2f} to {:.2f}".format(*row["p95_added_ms_interval"]),
            f"{row['tokens_per_second']:.0f}",
            f"{row['throughput_ratio']:.1%}",
            f"{row['cpu_ratio']:.1%}",
            f"{row['guard_cpu_us']:.0f}",
        )
    console.print(table)
