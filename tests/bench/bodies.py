"""What bodies cost that are made to cost much: memory, probes that wait, and other callers' time."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from .processes import BenchServer, bench_server

_MIB = 2**20
MOST_BYTES = 16_000_000
"""Of a body of the flood, just below the default maxBodyBytes."""
ONE_BYTES = 8_000_000
"""Of a body of the one heavy client."""
_TIMEOUT_S = 120.0
_PROBE_INTERVAL_S = 0.02


def filled(start: bytes, unit: bytes, end: bytes, size: int) -> bytes:
    """A body of about so many bytes: a unit again and again."""
    return start + unit * ((size - len(start) - len(end)) // len(unit)) + end


def _beside(unit: bytes) -> Callable[[int], bytes]:
    """A request with one document, and values beside it that nobody reads."""
    return lambda size: filled(b'{"query": "q", "candidates": ["a"], "x": [', unit, b"0]}", size)


def _inside(unit: bytes) -> Callable[[int], bytes]:
    """Values that go back with their document."""
    start = b'{"query": "q", "candidates": [{"text": "a", "metadata": ['
    return lambda size: filled(start, unit, b"0]}]}", size)


def _documents_of(unit: bytes) -> Callable[[int], bytes]:
    """Documents with 37 values each, which are refused for their number once they have been read."""
    document = b'{"text": "a", "m": [%s0]},' % (unit * 36)
    return lambda size: filled(b'{"query": "q", "top_n": 0, "candidates": [', document, b'"b"]}', size)


def _texts(unit: bytes) -> Callable[[int], bytes]:
    return lambda size: filled(b'{"query": "q", "candidates": [', unit, b'"b"]}', size)


KINDS: dict[str, Callable[[int], bytes]] = {
    "short texts": _texts(b'"ab",'),
    "texts of a character": _texts(b'"a",'),
    "objects of a text": _texts(b'{"text":"a"},'),
    "whole numbers": _inside(b"777,"),
    "numbers": _inside(b"-0.0123,"),
    "small objects": _beside(b'{"a":0},'),
    "empty lists": _beside(b"[],"),
    "nested lists": _beside(b"[[[[[]]]]],"),
    "a thousand keys": _beside(b"{" + b",".join(b'"k%d":0' % key for key in range(1_000)) + b"},"),
    "most values that nobody reads": lambda size: filled(
        b'{"query": "q", "candidates": ["a"], "x": [', b'"%s",' % (b"x" * (size // 380_000 - 3)), b"0]}", size
    ),
    "most texts": lambda size: filled(
        b'{"query": "q", "candidates": [', b'"%s",' % (b"x" * (size // 380_000 - 3)), b'"b"]}', size
    ),
    "most numbers in documents": _documents_of(b"0.01234567890123456789,"),
    "wide numbers in documents": _documents_of(b"1234567890123456789012,"),
    "ASCII with one emoji": lambda size: filled('{"query": "q", "candidates": ["😀'.encode(), b"x", b'"]}', size),
    "texts of 1,000 characters": _texts(b'"%s",' % (b"some words " * 91)),
    "one long text": lambda size: filled(b'{"query": "q", "candidates": ["', "竹".encode(), b'"]}', size),
    "many documents": lambda _size: filled(b'{"query": "q", "candidates": [', b'"ab",', b'"b"]}', 49_000),
}

OF_SMALL_VALUES = list(KINDS)[: list(KINDS).index("ASCII with one emoji")]
"""What is refused, or read and not scored; beside bodies that are scored, a queue is what others wait for."""


@dataclass
class Probed:
    """How long the probes of a while took."""

    seconds: list[float] = field(default_factory=list)

    @property
    def longest_s(self) -> float:
        return max(self.seconds, default=0.0)


def measure_bodies(console: Console, seconds: float) -> dict[str, Any]:
    """Flood the embedded model with bodies of each kind, then give it one heavy client beside an ordinary one.

    Args:
        console: Where the results are shown.
        seconds: Of each flood, and of each measurement of the ordinary client.
    """
    floods, shares = {}, {}
    for kind, body in KINDS.items():
        with bench_server("demo") as server:
            floods[kind] = _flood(server, body(MOST_BYTES), seconds)
        console.print(f"flood of {kind}: {floods[kind]}")
    with bench_server("demo") as server:
        alone_ms = [_percentile_ms(_ordinary(server, seconds))]
        for kind in OF_SMALL_VALUES:
            with _senders(server, KINDS[kind](ONE_BYTES), 1) as answers:
                taken = _ordinary(server, seconds)
            shares[kind] = {"p99_ms": _percentile_ms(taken), "answers": dict(answers)}
            # Again and again: the machine's speed may drift.
            alone_ms.append(_percentile_ms(_ordinary(server, seconds)))
            console.print(f"beside {kind}: {shares[kind]}, alone {alone_ms[-1]:.0f} ms")
    _print(console, floods, shares, float(np.median(alone_ms)))
    return {"floods": floods, "beside": shares, "alone_p99_ms": alone_ms}


def _flood(server: BenchServer, content: bytes, seconds: float, clients: int = 24) -> dict[str, Any]:
    """Send a body on many connections at once for a while."""
    _ordinary(server, 1)
    idle_mib = server.resident_mib()
    _forget_peak(server)
    with _probing(server) as probed:
        time.sleep(seconds)
    calm_s = probed.longest_s
    with _probing(server) as probed, _senders(server, content, clients) as answers:
        time.sleep(seconds)
    return {
        "above_idle_mib": round(_peak_mib(server) - idle_mib),
        "longest_probe_s": round(probed.longest_s, 3),
        "longest_probe_before_s": round(calm_s, 3),
        "answers": dict(answers),
    }


@contextmanager
def _senders(server: BenchServer, content: bytes, clients: int) -> Iterator[Counter[str]]:
    """Clients, in a process of their own, that send the same body again and again until the block ends."""
    answers = Counter[str]()
    with _in_a_process(_send, server.url, content, clients) as found:
        yield answers
    answers.update(found)


@contextmanager
def _probing(server: BenchServer) -> Iterator[Probed]:
    """Ask for health from a process of its own, all the while."""
    probed = Probed()
    with _in_a_process(_probe, server.url) as found:
        yield probed
    probed.seconds.extend(found)


@contextmanager
def _in_a_process(work: Callable[..., None], *arguments: object) -> Iterator[list[Any]]:
    """Run work beside the block; what it has sent through its pipe is in the list afterwards."""
    spawn, found = multiprocessing.get_context("spawn"), list[Any]()
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=work, args=(theirs, *arguments))
    process.start()
    ours.recv()
    try:
        yield found
    finally:
        ours.send("over")
        found.extend(ours.recv())
        process.join()


def _send(pipe: Connection, url: str, content: bytes, clients: int) -> None:
    address, is_over, answers = urlsplit(url), threading.Event(), list[str]()

    def client() -> None:
        while not is_over.is_set():
            connection = http.client.HTTPConnection(str(address.hostname), address.port or 0, timeout=_TIMEOUT_S)
            try:
                connection.request("POST", "/rerank", content, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                answers.append(str(answer.status))
            except OSError as error:
                # Refused in the middle of its body.
                answers.append(type(error).__name__)
            finally:
                connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    pipe.send("ready")
    for thread in threads:
        thread.start()
    pipe.recv()
    is_over.set()
    for thread in threads:
        thread.join()
    pipe.send(answers)


def _probe(pipe: Connection, url: str) -> None:
    seconds = list[float]()
    pipe.send("ready")
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
        while not pipe.poll(_PROBE_INTERVAL_S):
            began = time.perf_counter()
            client.get("/health/live").raise_for_status()
            seconds.append(time.perf_counter() - began)
    pipe.recv()
    pipe.send(seconds)


def _ordinary(server: BenchServer, seconds: float) -> list[float]:
    """Seconds of each of an ordinary caller's requests, one after the other for a while."""
    text = "a paragraph of some words about nothing in particular, as long as many are"
    body = json.dumps({"query": "what is it about", "candidates": [f"{number} {text}" for number in range(10)]})
    taken, end = [], time.perf_counter() + seconds
    with httpx.Client(base_url=server.url, timeout=_TIMEOUT_S) as client:
        while time.perf_counter() < end:
            began = time.perf_counter()
            answer = client.post("/rerank", content=body, headers={"Content-Type": "application/json"})
            answer.raise_for_status()
            taken.append(time.perf_counter() - began)
    return taken


def _percentile_ms(seconds: list[float]) -> float:
    return float(np.percentile(seconds, 99)) * 1000


def _forget_peak(server: BenchServer) -> None:
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5", encoding="ascii")


def _peak_mib(server: BenchServer) -> float:
    """The most memory since it was forgotten."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def _print(console: Console, floods: dict[str, Any], shares: dict[str, Any], alone_ms: float) -> None:
    table = Table("bodies of", "flood: MiB above idle", "longest probe s", "one client: others' p99 ms", "of alone")
    for kind, flood in floods.items():
        p99_ms = shares[kind]["p99_ms"] if kind in shares else None
        shown = (f"{p99_ms:.0f}", f"{p99_ms / alone_ms:.1f}") if p99_ms is not None else ("", "")
        table.add_row(kind, str(flood["above_idle_mib"]), f"{flood['longest_probe_s']:.2f}", *shown)
    console.print(table)
    console.print(f"An ordinary caller alone: p99 {alone_ms:.0f} ms, the median of several")
