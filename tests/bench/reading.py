"""`python -m tests.bench.reading`: what ways of reading a model's weights are worth, the one in use and others.

A file of 2.2 GB is hashed in turns, and a server is started in turns, its files evicted before each start.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bge_reranker.store.hashing import FileHash, hash_file

from .loading import evict, machine, prepare_store, start_server

_READ_BYTES = 262_144
_STEP_BYTES = 67_108_864
_MADV_POPULATE_READ = 22
_SERVER = "{patch}; from bge_reranker.cli.main import main; main()"


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Rounds of each measurement; medians are printed.")
@click.option("--starts/--no-starts", default=True, show_default=True, help="Whether servers are started, too.")
@click.option("--json", "file", default=Path("build/bench-reading.json"), type=click.Path(path_type=Path))
def bench_reading(rounds: int, file: Path, *, starts: bool) -> None:
    """Measure ways of hashing, alone and in a cold start."""
    console = Console()
    version = prepare_store(console)
    weights = version / "model.safetensors"
    report: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    report |= {"weights_bytes": weights.stat().st_size, "hashing_core_s": _hashing(weights, rounds)}
    if starts:
        report["start_s"] = _starts(version, rounds)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console.print_json(data=report)


def _hashing(weights: Path, rounds: int) -> dict[str, Any]:
    """Seconds of a core to hash the weights, which are in the page cache, each way in turns."""
    hash_file(weights)
    found: dict[str, list[float]] = {name: [] for name in HASHING}
    for number in range(rounds):
        for name in sorted(HASHING, reverse=bool(number % 2)):
            began = time.thread_time()
            HASHING[name](weights)
            found[name].append(round(time.thread_time() - began, 3))
    return _medians(found)


def _medians(found: dict[str, list[float]]) -> dict[str, Any]:
    return {name: {"median": statistics.median(rows), "rounds": rows} for name, rows in found.items()}


def hash_mapped(path: Path, advance: Callable[[int], None] | None = None) -> FileHash:
    """Hash a file where it lies in the page cache, 64 MiB at a time, each brought in before it is touched."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file, Path(os.devnull).open("wb") as null:
        size_bytes = os.fstat(file.fileno()).st_size
        for start in range(0, size_bytes, _STEP_BYTES):
            length = min(_STEP_BYTES, size_bytes - start)
            os.sendfile(null.fileno(), file.fileno(), start, length)
            with mmap.mmap(file.fileno(), length, prot=mmap.PROT_READ, offset=start) as mapping:
                mapping.madvise(_MADV_POPULATE_READ)
                digest.update(mapping)
            if advance is not None:
                advance(length)
    return FileHash(size_bytes, digest.hexdigest())


def _hash_nothing_read(path: Path) -> None:
    """Hash as many bytes as the file has without reading it."""
    digest, buffer = hashlib.sha256(), bytes(_READ_BYTES)
    for _ in range(path.stat().st_size // _READ_BYTES):
        digest.update(buffer)


HASHING: dict[str, Callable[[Path], object]] = {
    "read": hash_file,
    "mapped": hash_mapped,
    "nothing read": _hash_nothing_read,
}


def _starts(version: Path, rounds: int) -> dict[str, Any]:
    """Seconds from a server's process to readiness, its files on the disk alone and every byte compared."""
    found: dict[str, list[float]] = {name: [] for name in STARTS}
    for number in range(rounds):
        for name in sorted(STARTS, reverse=bool(number % 2)):
            evict(version)
            program = [sys.executable, "-c", _SERVER.format(patch=STARTS[name])]
            found[name].append(round(start_server(str(version), "full", program)[0], 2))
    return _medians(found)


STARTS = {
    "read": "pass",
    "mapped": "import bge_reranker.store.hashing as m, tests.bench.reading as ways; m.hash_file = ways.hash_mapped",
}
"""What each server does before it starts, by how it hashes."""


if __name__ == "__main__":
    bench_reading()
