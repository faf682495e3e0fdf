"""How soon a server answers, and in how much memory: the whole program, from its process to readiness."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

_ROUNDS = 5
_PROGRAM = Path(sys.executable).with_name("bge-reranker")
_FLAGS = "--host 127.0.0.1 --port 0 --management-port 0 --drain-delay-s 0 --log-level warning".split()


def measure_start(console: Console, models: Mapping[str, Path | str]) -> dict[str, Any]:
    """Start each server again and again, in turns.

    Args:
        console: Where the result is shown.
        models: What is served, by name.
    """
    for model in models.values():
        # Compiles what is imported, as images have it, and brings the weights into the page cache.
        _start(model)
    rounds = {name: list[dict[str, float]]() for name in models}
    for _ in range(_ROUNDS):
        for name, model in models.items():
            rounds[name].append(_start(model))
    report: dict[str, Any] = {}
    for name, found in rounds.items():
        middle = {key: statistics.median(each[key] for each in found) for key in found[0]}
        report[name] = {"median": middle, "rounds": found}
        console.print(
            f"Start of {name}: ready after {middle['ready_s']:.2f} s ({middle['cpu_s']:.2f} s of CPU time), "
            f"{middle['resident_mib']:.0f} MiB resident; medians of {_ROUNDS}"
        )
    return report


def _start(model: Path | str) -> dict[str, float]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    command = [_PROGRAM, "serve", "--model", model, *_FLAGS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        if process.stdout is None or not any(line.startswith("Ready:") for line in process.stdout):
            raise RuntimeError("the server ended before it was ready")
        ready_s, seen = time.perf_counter() - began, psutil.Process(process.pid)
        times, resident_mib = seen.cpu_times(), seen.memory_info().rss / 2**20
        process.terminate()
    return {"ready_s": ready_s, "cpu_s": times.user + times.system, "resident_mib": resident_mib}
