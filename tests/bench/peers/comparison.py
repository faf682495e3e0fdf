"""All contestants on one machine in turns, each checked before its time counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .checkpoints import int8_checkpoint
from .contestants import Contestant, Running, Start
from .served import ServedContestant
from .workload import Workload

MAX_DIFFERENCE = {"float32": 2e-3, "int8": 0.1}
"""Largest difference of a logit from our float32 that still is the same model."""

MIN_CORRELATION = {"float32": 0.9999, "int8": 0.9}
"""Least correlation of the logits with our float32's: random weights spread them little."""

LONE_DOCUMENTS = (1, 5, 10)
"""Documents of a request of one caller."""

_PROFILED_REQUESTS = 2
"""Requests whose calls are looked into for where their time goes."""


def compare(
    chosen: dict[str, Contestant],
    start: tuple[str, Path, Workload],
    clients: list[int],
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
    keep: Callable[[dict[str, Any]], None],
) -> None:
    """Start everyone, check everyone, and let each run once in every round.

    Args:
        chosen: Who, by short name; `float32` first, whom the others are checked against.
        start: Shape, cache and workload.
        clients: Numbers of clients of those who are served.
        rounds: How often each cell is measured.
        seconds: How long each time.
        say: Told what happens.
        keep: Given what was found, after every round, so that a run that is cut short loses little.
    """
    shape, cache, workload = start
    rows: dict[str, dict[str, Any]] = {}
    running: dict[str, Running] = {}
    rates: list[dict[str, float]] = []
    shares: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for key, contestant in chosen.items():
            scratch = Path(folder) / key
            scratch.mkdir()
            running[key] = contestant.start(Start(shape, cache, scratch, workload))
            stack.callback(running[key].close)
            rows[key] = {"name": contestant.name, "start_s": running[key].start_s, "cells": []}
            rows[key] |= check(running[key].logits(), running["float32"].logits(), contestant.precision)
            say(f"{contestant.name}: {rows[key]['check']} (started in {running[key].start_s:.1f} s)")
        for turn in range(rounds):
            rates.append(_alone("matrix_rates", len(os.sched_getaffinity(0))))
            if "int8" in chosen:
                pairs = [length for request in workload.lengths[:_PROFILED_REQUESTS] for length in request]
                shares.append(_alone("operators", int8_checkpoint(shape, cache), json.dumps(pairs)))
            for key, contestant in chosen.items():
                for count in clients if contestant.is_served else [0]:
                    cell = running[key].run(count, seconds)
                    rows[key]["cells"].append({**asdict(cell), "round": turn})
                    say(f"round {turn + 1}, {key}, {count} clients: {cell.tokens_per_second:.0f} tokens/s")
                _ask_alone(rows[key], running[key], seconds)
                rows[key]["resident_mib"] = running[key].resident_mib()
            facts = {"shape": shape, "seconds": seconds, "attended_tokens": workload.attended_tokens}
            keep({**facts, "matrix_gflops": rates, "int8_shares": shares, "contestants": rows})


def _ask_alone(row: dict[str, Any], contestant: Running, seconds: float) -> None:
    """Add the latencies of one caller by the number of documents that it asks for."""
    if isinstance(contestant, ServedContestant):
        for documents in LONE_DOCUMENTS:
            row.setdefault("lone_s", {}).setdefault(str(documents), []).extend(contestant.lone(documents, seconds))


def check(found: list[float], expected: list[float], precision: str) -> dict[str, Any]:
    """Compare logits with ours in float32.

    Raises:
        RuntimeError: If they are another model's.
    """
    difference = float(np.abs(np.subtract(found, expected)).max())
    correlation = float(np.corrcoef(found, expected)[0, 1])
    text = f"scores differ by at most {difference:.2g}, correlation {correlation:.4f}"
    if not (difference <= MAX_DIFFERENCE[precision] and correlation >= MIN_CORRELATION[precision]):
        raise RuntimeError(f"{text}: not the same model, so its time does not count")
    return {"check": text, "max_difference": difference, "correlation": correlation}


def _alone(module: str, *arguments: object) -> dict[str, float]:
    """Run a measurement of this package in a process of its own."""
    command = [sys.executable, "-m", f"tests.bench.peers.{module}", *map(str, arguments)]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found
