"""How soon the embedded model answers, and in how much memory: the whole program, from its process to readiness."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

_ROUNDS = 5
_PROGRAM = Path(sys.executable).with_name("bge-reranker")
_FLAGS = "--model demo --host 127.0.0.1 --port 0 --management-port 0 --drain-delay-s 0 --log-level warning".split()


def measure_start(console: Console) -> dict[str, Any]:
    """Start the server again and again.

    Args:
        console: Where the result is shown.
    """
    rounds = [_start() for _ in range(_ROUNDS)]
    middle = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    console.print(
        f"Start of the embedded model: ready after {middle['ready_s']:.2f} s ({middle['cpu_s']:.2f} s of CPU time), "
        f"{middle['resident_mib']:.0f} MiB resident; medians of {_ROUNDS}"
    )
    return {"median": middle, "rounds": rounds}


def _start() -> dict[str, float]:
    began = time.perf_counter()
    with subprocess.Popen([_PROGRAM, "serve", *_FLAGS], stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or not any(line.startswith("Ready:") for line in process.stdout):
            raise RuntimeError("the server ended before it was ready")
        ready_s, seen = time.perf_counter() - began, psutil.Process(process.pid)
        times, resident_mib = seen.cpu_times(), seen.memory_info().rss / 2**20
        process.terminate()
    return {"ready_s": ready_s, "cpu_s": times.user + times.system, "resident_mib": resident_mib}
