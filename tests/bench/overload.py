"""Three times as many requests as the server can answer: how much of its speed still reaches callers in time.

A closed loop measures the speed first. Then requests of the same kind arrive at random, three times as many tokens as
that, with deadlines; a refused request is retried once, after its Retry-After.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from .documents import Texts
from .load import Cell, run_cell
from .processes import BenchServer, bench_server

LOAD = 3.0
WANTED = 0.85
"""Part of the closed loop's tokens a second that is to be delivered in time."""

_CLIENTS = 8
_CLOSED_S = 30.0
_RAMP_S, _COUNTED_S = 20.0, 60.0
_DOCUMENTS = (1, 16)
_DEADLINES_REQUESTS = (10.0, 60.0)
"""Bounds of deadlines in mean requests, so that a slow machine measures the same; log-uniform between."""

_DEADLINE_S = 600.0
_TIMEOUT_S = 2 * _DEADLINE_S
_COMPUTED = re.compile(r"^bge_reranker_tokens_total(?:\{.*\})? (\S+)$", re.MULTILINE)


@dataclass
class Overload:
    """What callers saw while it counted."""

    tokens: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """By status, or by the code of the error."""
    late: int = 0
    """Answered, and seen here after the deadline."""
    waits_s: list[float] = field(default_factory=list)
    returned: int = 0
    taken_back: int = 0
    computed_tokens: float = 0.0
    server_cpu_s: float = 0.0


def measure_overload(folder: Path, console: Console, model: str | None = None) -> dict[str, Any]:
    """Load a server beyond what it can do.

    Args:
        folder: The checkpoint.
        console: Where the result is shown.
        model: What is served in its place, of the same vocabulary.
    """
    with bench_server(model or str(folder), deadline_s=_DEADLINE_S) as server:
        console.print(f"Overload: closed loop of {_CLIENTS} clients ...")
        closed = asyncio.run(run_cell(server, _requests(folder, 1), _CLIENTS, _CLOSED_S, 10**6))
        console.print(f"Overload: {LOAD:g} times {closed.tokens_per_second:.0f} tokens/s arrive ...")
        seen = asyncio.run(_overload(server, folder, closed))
    goodput, per_cpu_s = seen.tokens / _COUNTED_S, seen.tokens / seen.server_cpu_s
    share, cpu_share = goodput / closed.tokens_per_second, per_cpu_s / closed.tokens_per_cpu_second
    waste = max(0.0, 1 - seen.tokens / seen.computed_tokens)
    console.print(
        f"Overload: {goodput:.0f} tokens/s answered in time at {LOAD:g} times the load, {share:.0%} of the closed "
        f"loop's {closed.tokens_per_second:.0f} (wanted: {WANTED:.0%}), {cpu_share:.0%} in a CPU second; "
        f"{waste:.1%} computed in vain; {seen.taken_back} of {seen.returned} taken when they came back; "
        f"{dict(seen.answers)}, {seen.late} seen late"
    )
    return {
        "load": LOAD,
        "closed_tokens_per_second": closed.tokens_per_second,
        "goodput_tokens_per_second": goodput,
        "share": share,
        "share_in_a_cpu_second": cpu_share,
        "seen_late": seen.late,
        "waste": waste,
        "returned": seen.returned,
        "taken_back": seen.taken_back,
        "answers": dict(seen.answers),
        "waits_s": seen.waits_s,
    }


def _requests(folder: Path, seed: int) -> Iterator[dict[str, Any]]:
    texts, source = Texts(folder, seed), random.Random(seed)
    while True:
        yield texts.request(round(_between(source, _DOCUMENTS)))


def _between(source: random.Random, bounds: tuple[float, float]) -> float:
    return math.exp(source.uniform(*map(math.log, bounds)))


async def _overload(server: BenchServer, folder: Path, closed: Cell) -> Overload:
    seen, source, requests = Overload(), random.Random(2), _requests(folder, 2)
    tokens_per_request = closed.tokens / len(closed.latencies_s)
    request_s = tokens_per_request / closed.tokens_per_second
    deadlines_s = (_DEADLINES_REQUESTS[0] * request_s, _DEADLINES_REQUESTS[1] * request_s)
    began = time.perf_counter()
    counted = (began + _RAMP_S, began + _RAMP_S + _COUNTED_S)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with (
        httpx.AsyncClient(base_url=server.url, timeout=_TIMEOUT_S, limits=limits) as http,
        asyncio.TaskGroup() as callers,
    ):
        callers.create_task(_count_work(server, http, seen, counted))
        due = began
        while due < counted[1]:
            await asyncio.sleep(due - time.perf_counter())
            callers.create_task(_call(http, next(requests), _between(source, deadlines_s), seen, counted))
            due += source.expovariate(LOAD / request_s)
    return seen


async def _call(
    http: httpx.AsyncClient, body: dict[str, Any], deadline_s: float, seen: Overload, counted: tuple[float, float]
) -> None:
    wait_s = await _ask(http, body, deadline_s, seen, counted)
    if wait_s is None or time.perf_counter() + wait_s >= counted[1]:
        return
    await asyncio.sleep(wait_s)
    is_counted = counted[0] <= time.perf_counter() < counted[1]
    is_refused = await _ask(http, body, deadline_s, seen, counted) is not None
    seen.returned += is_counted
    seen.taken_back += is_counted and not is_refused


async def _ask(
    http: httpx.AsyncClient, body: dict[str, Any], deadline_s: float, seen: Overload, counted: tuple[float, float]
) -> float | None:
    """Send a request; the seconds of Retry-After where it was refused for want of room."""
    sent = time.perf_counter()
    answer = await http.post("/rerank", json=body, headers={"X-Request-Deadline-Ms": str(round(deadline_s * 1000))})
    now = time.perf_counter()
    if counted[0] <= now < counted[1]:
        seen.answers["answered" if answer.is_success else answer.headers["X-Error-Code"]] += 1
        seen.tokens += answer.json()["usage"]["total_tokens"] if answer.is_success else 0
        # The server's deadline ends when it has the scores; what the way here took is reported beside.
        seen.late += answer.is_success and now - sent > deadline_s
    if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
        return None
    wait_s = int(answer.headers["retry-after-ms"]) / 1000
    if counted[0] <= now < counted[1]:
        seen.waits_s.append(wait_s)
    return wait_s


async def _count_work(
    server: BenchServer, http: httpx.AsyncClient, seen: Overload, counted: tuple[float, float]
) -> None:
    for moment, sign in zip(counted, (-1, 1), strict=True):
        await asyncio.sleep(moment - time.perf_counter())
        found = _COMPUTED.search((await http.get("/metrics")).text)
        if found is None:
            raise RuntimeError("/metrics does not tell the computed tokens; this is a bug")
        seen.computed_tokens += sign * float(found[1])
        seen.server_cpu_s += sign * server.cpu_s()
