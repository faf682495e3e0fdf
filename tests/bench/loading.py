"""`python -m tests.bench.loading`: how fast a model of XLM-RoBERTa's large shape is there, and in how much memory.

Compared are the start of a whole server with the cold read of its file and its warm-up, each measured alone; hashing
with `openssl speed`; and the anonymous memory of the server with the weights and with a server of the embedded model.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bge_reranker.store.hashing import hash_file

from .checkpoint import Shape, write_checkpoint

LARGE = Shape(layers=24, hidden=1024, heads=16, feed_forward=4096)
VOCABULARY = 250_002
"""Both as bge-reranker-large has them: 560 M parameters, 2.2 GB in float32."""

_WORK = Path("build") / "bench-load"
_CHUNK_BYTES = 1_048_576
_PROGRAM = str(Path(sys.executable).parent / "bge-reranker")
_FLAGS = ("--port", "0", "--management-port", "0", "--drain-delay-s", "0", "--log-level", "warning")
_MEMORY_INTERVAL_S = 0.02


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Rounds of each measurement; medians are printed.")
@click.option("--verify", default="auto", show_default=True, help="What `serve` compares on load.")
@click.option("--json", "file", default=Path("build/bench-load.json"), type=click.Path(path_type=Path))
def bench_load(rounds: int, verify: str, file: Path) -> None:
    """Measure loading, hashing and memory, and print them beside their limits."""
    console = Console()
    version = prepare_store(console)
    weights = version / "model.safetensors"
    report: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    report["weights_bytes"] = weights.stat().st_size
    starts: list[tuple[float, int]] = []
    reads, warm_ups = [], []
    for _ in range(rounds):
        reads.append(_cold_read_s(version))
        warm_ups.append(_warm_up_s(version))
        evict(version)
        starts.append(start_server(str(version), verify))
    demo = [start_server("demo", verify)[1] for _ in range(rounds)]
    report |= _loading(starts, reads, warm_ups) | _memory(starts, demo, report["weights_bytes"])
    report |= _hashing(weights, rounds)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console.print_json(data=report)


def prepare_store(console: Console) -> Path:
    """The model in a store, as a pod has it; made once."""
    checkpoint = _WORK / "xlm-roberta-large-shape"
    if not (checkpoint / "model.safetensors").exists():
        console.print("Writing random weights ...")
        write_checkpoint(checkpoint, LARGE, VOCABULARY)
    command = [_PROGRAM, "model", "fetch", f"file://{checkpoint.resolve()}", "--dir", str(_WORK / "store")]
    fetched = subprocess.run(command, check=True, capture_output=True, text=True)
    return Path(fetched.stdout.strip())


def _cold_read_s(folder: Path) -> float:
    """Seconds to read the files once from the disk, doing nothing with them."""
    evict(folder)
    buffer = bytearray(_CHUNK_BYTES)
    began = time.perf_counter()
    for path in folder.iterdir():
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    return time.perf_counter() - began


def evict(folder: Path) -> None:
    """Drop the files from the page cache; needs no rights, and nobody else's files go."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _warm_up_s(folder: Path) -> float:
    """Seconds of the warm-up alone, its files in the page cache, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.warm_up_alone", str(folder)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def start_server(model: str, verify: str, program: Sequence[str] = (_PROGRAM,)) -> tuple[float, int]:
    """Start a server: seconds from its process to readiness, and its most anonymous memory on the way."""
    began = time.perf_counter()
    command = [*program, "serve", "--model", model, "--verify", verify, *_FLAGS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, _watched(process.pid) as peaks:
        try:
            assert process.stdout is not None
            assert any(line.startswith("Ready:") for line in process.stdout), "the server was never ready"
            elapsed_s = time.perf_counter() - began
        finally:
            process.terminate()
    return elapsed_s, max(peaks)


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    peaks, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(_MEMORY_INTERVAL_S):
            peaks.extend(int(line.split()[1]) * 1024 for line in _status(pid) if line.startswith("RssAnon:"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def _status(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _loading(starts: list[tuple[float, int]], reads: list[float], warm_ups: list[float]) -> dict[str, Any]:
    start_s = statistics.median(seconds for seconds, _ in starts)
    read_s, warm_up_s = statistics.median(reads), statistics.median(warm_ups)
    return {
        "start_to_ready_s": round(start_s, 2),
        "cold_read_s": round(read_s, 2),
        "warm_up_s": round(warm_up_s, 2),
        "start_over_read_and_warm_up": round(start_s / (read_s + warm_up_s), 3),
        "limit_of_start": 1.2,
        "rounds_s": {"start": [seconds for seconds, _ in starts], "read": reads, "warm_up": warm_ups},
    }


def _memory(starts: list[tuple[float, int]], demo: list[int], weights_bytes: int) -> dict[str, Any]:
    peak, other = max(peak for _, peak in starts), max(demo)
    limit = 1.15 * weights_bytes + other
    return {
        "peak_anonymous_bytes": peak,
        "peak_anonymous_bytes_of_the_embedded_model": other,
        "limit_of_anonymous_bytes": round(limit),
        "anonymous_over_limit": round(peak / limit, 3),
    }


def _hashing(weights: Path, rounds: int) -> dict[str, Any]:
    """GB per second of a core, ours and openssl's in turns, the file in the page cache."""
    hash_file(weights)
    ours, openssl = [], []
    for _ in range(rounds):
        began = time.thread_time()
        hash_file(weights)
        ours.append(weights.stat().st_size / (time.thread_time() - began) / 1e9)
        openssl.append(_openssl_gb_per_s())
    return {
        "hash_gb_per_s": round(statistics.median(ours), 3),
        "openssl_gb_per_s": round(statistics.median(openssl), 3),
        "hash_over_openssl": round(statistics.median(ours) / statistics.median(openssl), 3),
        "limit_of_hash": 0.9,
    }


def _openssl_gb_per_s() -> float:
    command = ["openssl", "speed", "-seconds", "3", "-bytes", "262144", "sha256"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # Its last line: the name, and thousands of bytes per second of processor time.
    return float(answer.split()[-1].removesuffix("k")) / 1e6


def machine() -> dict[str, object]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next((line.partition(": ")[2] for line in lines if "model name" in line), platform.machine())
    return {"processor": processor, "cores": os.cpu_count(), "python": platform.python_version()}


if __name__ == "__main__":
    bench_load()
