"""A contestant that answers over HTTP, loaded by clients that each have one request open."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from .cell import Cell
from .direct import OFFLINE
from .workload import Workload

_START_S = 900.0
_STOP_S = 30.0
_TIMEOUT_S = 600.0
_POLL_S = 0.05

Body = Callable[[dict[str, object]], dict[str, object]]


def free_port() -> int:
    """Let the kernel choose a port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _first_of(request: dict[str, object], documents: int) -> dict[str, object]:
    texts = request["documents"]
    if not isinstance(texts, list):
        raise TypeError("a workload's documents are a list; this is a bug")
    return {**request, "documents": texts[:documents]}


class ServedContestant:
    """A server of a dialect.

    Args:
        url: Where it answers.
        body: Makes its request of a query and documents.
        workload: What it is given.
        command: Starts it; nothing where it runs already.
    """

    def __init__(self, url: str, body: Body, workload: Workload, command: Sequence[str | Path] = ()) -> None:
        self._url, self._body, self._workload = url, body, workload
        began = time.perf_counter()
        self._process: psutil.Process | None = None
        if command:
            environment = {**os.environ, **OFFLINE}
            self._process = psutil.Popen(list(command), stdout=subprocess.DEVNULL, env=environment)
        self._wait_until_it_scores(began)
        self.start_s = time.perf_counter() - began

    def logits(self) -> list[float]:
        """Logits of the first request, in the order of its documents."""
        answer = httpx.post(f"{self._url}/rerank", json=self._body(self._workload.requests[0]), timeout=_TIMEOUT_S)
        answer.raise_for_status()
        items: list[dict[str, Any]] = answer.json() if isinstance(answer.json(), list) else answer.json()["results"]
        by_index = {item["index"]: item["score" if "score" in item else "relevance_score"] for item in items}
        return [float(by_index[index]) for index in range(len(by_index))]

    def run(self, clients: int, seconds: float) -> Cell:
        """Load it for some seconds; requests that are open then are waited for, and counted with their time."""
        return asyncio.run(self._load(clients, seconds))

    def lone(self, documents: int, seconds: float) -> list[float]:
        """Latencies in seconds of one caller, who asks for so many documents and waits, again and again."""
        latencies: list[float] = []
        began = time.perf_counter()
        with httpx.Client(base_url=self._url, timeout=_TIMEOUT_S) as http:
            while not latencies or time.perf_counter() - began < seconds:
                request = self._workload.requests[len(latencies) % len(self._workload.requests)]
                sent = time.perf_counter()
                http.post("/rerank", json=self._body(_first_of(request, documents))).raise_for_status()
                latencies.append(time.perf_counter() - sent)
        return latencies

    def resident_mib(self) -> float | None:
        """Memory of the process now, where it is ours."""
        return float(self._process.memory_info().rss) / 2**20 if self._process else None

    def close(self) -> None:
        """End the process, where it is ours."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_S)
            except psutil.TimeoutExpired:
                self._process.kill()

    async def _load(self, clients: int, seconds: float) -> Cell:
        began, cpu = time.perf_counter(), time.process_time()
        latencies: list[float] = []
        tokens, started = 0, 0

        async def client(http: httpx.AsyncClient) -> None:
            nonlocal tokens, started
            while time.perf_counter() - began < seconds:
                number = started % len(self._workload.requests)
                started += 1
                sent = time.perf_counter()
                answer = await http.post("/rerank", json=self._body(self._workload.requests[number]))
                answer.raise_for_status()
                latencies.append(time.perf_counter() - sent)
                tokens += self._workload.tokens[number]

        limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
        async with httpx.AsyncClient(base_url=self._url, timeout=_TIMEOUT_S, limits=limits) as http:
            await asyncio.gather(*(client(http) for _ in range(clients)))
        return Cell(clients, tokens, time.perf_counter() - began, latencies, time.process_time() - cpu)

    def _wait_until_it_scores(self, began: float) -> None:
        while True:
            try:
                self.logits()
            except (httpx.HTTPError, KeyError):
                if time.perf_counter() - began > _START_S:
                    self.close()
                    raise
                time.sleep(_POLL_S)
            else:
                return
