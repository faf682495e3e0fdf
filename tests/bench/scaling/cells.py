"""One cell: so many clients sending requests of so many documents of such a length, and where their time went."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx
import numpy as np

from ..documents import Texts

STAGES = ("tokenise", "queue", "compute", "parse and serialise", "client and wire")
"""Where a request's time goes; the server says the first three and its total in `Server-Timing`."""

_PHASE = re.compile(r"(\w+);dur=([0-9.]+)")
_QUERY_WORDS = 8
_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Size:
    """What a cell sends."""

    documents: int = 16
    words: int = 128
    clients: int = 1


@dataclass
class Cell:
    """What it saw."""

    size: Size
    tokens: int = 0
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    stages_ms: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def as_json(self) -> dict[str, Any]:
        """Figures of the cell; shares of stages add up to 1."""
        whole = sum(self.stages_ms.values())
        return {
            **asdict(self.size),
            "requests": len(self.latencies_s),
            "tokens": self.tokens,
            "seconds": self.seconds,
            "p50_ms": float(np.percentile(self.latencies_s, 50)) * 1000,
            "p95_ms": float(np.percentile(self.latencies_s, 95)) * 1000,
            "shares": {stage: self.stages_ms[stage] / whole for stage in STAGES},
        }


async def run_cell(url: str, texts: Texts, size: Size, seconds: float, max_seconds: float) -> Cell:
    """Send requests for some seconds, at least one for each client.

    Raises:
        TimeoutError: If they are not answered within `max_seconds`.
    """
    cell, began = Cell(size), time.perf_counter()

    async def client(http: httpx.AsyncClient) -> None:
        while True:
            await _send(http, texts, cell)
            if time.perf_counter() - began >= seconds:
                return

    limits = httpx.Limits(max_connections=size.clients, max_keepalive_connections=size.clients)
    async with (
        httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, limits=limits) as http,
        asyncio.timeout(max_seconds),
    ):
        await asyncio.gather(*(client(http) for _ in range(size.clients)))
    cell.seconds = time.perf_counter() - began
    return cell


async def _send(http: httpx.AsyncClient, texts: Texts, cell: Cell) -> None:
    documents = [texts.text(cell.size.words) for _ in range(cell.size.documents)]
    body = {"query": texts.text(_QUERY_WORDS), "candidates": documents}
    sent = time.perf_counter()
    answer = await http.post("/rerank", json=body)
    waited = time.perf_counter() - sent
    answer.raise_for_status()
    cell.latencies_s.append(waited)
    cell.tokens += answer.json()["usage"]["total_tokens"]
    phases = {name: float(value) for name, value in _PHASE.findall(answer.headers["Server-Timing"])}
    total = phases.pop("total")
    for phase, milliseconds in phases.items():
        cell.stages_ms[phase] += milliseconds
    cell.stages_ms["parse and serialise"] += max(0.0, total - sum(phases.values()))
    cell.stages_ms["client and wire"] += max(0.0, waited * 1000 - total)
