"""The load generator: so many clients, each with one request at a time, until a cell's time or requests are used up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from .processes import BenchServer

_TIMEOUT_S = 600.0


@dataclass
class Cell:
    """What one number of clients saw."""

    clients: int
    seconds: float = 0.0
    tokens: int = 0
    pairs: int = 0
    latencies_s: list[float] = field(default_factory=list)
    failed: int = 0
    generator_cpu_s: float = 0.0
    server_cpu_s: float = 0.0

    @property
    def tokens_per_cpu_second(self) -> float:
        """Speed that other work on the machine does not change."""
        return self.tokens / self.server_cpu_s if self.server_cpu_s else 0.0

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0

    def percentile_ms(self, percent: float) -> float:
        return float(np.percentile(self.latencies_s or [0.0], percent)) * 1000

    def as_json(self) -> dict[str, Any]:
        return {
            "clients": self.clients,
            "requests": len(self.latencies_s),
            "failed": self.failed,
            "seconds": self.seconds,
            "tokens_per_second": self.tokens_per_second,
            "tokens_per_cpu_second": self.tokens_per_cpu_second,
            "pairs_per_second": self.pairs / self.seconds if self.seconds else 0.0,
            "p50_ms": self.percentile_ms(50),
            "p95_ms": self.percentile_ms(95),
            "p99_ms": self.percentile_ms(99),
            "generator_cpu_s": self.generator_cpu_s,
        }


async def run_cell(
    server: BenchServer,
    requests: Iterator[dict[str, Any]],
    clients: int,
    max_seconds: float,
    max_requests: int,
    headers: Mapping[str, str] | None = None,
) -> Cell:
    """Load a server, closed loop: each client sends its next request when its last is answered.

    Requests that are still open when the time is up are waited for and counted, with the time that they took, so that
    no work in the measured time is lost or counted twice.
    """
    cell, began, cpu, server_cpu = Cell(clients), time.perf_counter(), time.process_time(), server.cpu_s()
    started = 0

    async def client(http: httpx.AsyncClient) -> None:
        nonlocal started
        while started < max(max_requests, clients) and time.perf_counter() - began < max_seconds:
            started += 1
            await _send(http, next(requests), cell)

    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=server.url, timeout=_TIMEOUT_S, limits=limits, headers=headers) as http:
        await asyncio.gather(*(client(http) for _ in range(clients)))
    cell.seconds = time.perf_counter() - began
    cell.generator_cpu_s = time.process_time() - cpu
    cell.server_cpu_s = server.cpu_s() - server_cpu
    return cell


async def _send(http: httpx.AsyncClient, body: dict[str, Any], cell: Cell) -> None:
    sent = time.perf_counter()
    answer = await http.post("/rerank", json=body)
    if answer.status_code != httpx.codes.OK:
        cell.failed += 1
        return
    cell.latencies_s.append(time.perf_counter() - sent)
    cell.tokens += answer.json()["usage"]["total_tokens"]
    cell.pairs += len(body["candidates"])
