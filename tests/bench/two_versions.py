"""`python -m tests.bench.two_versions`: two versions in one process, the second loaded while the first serves.

Measures what docs/decisions/0027 weighs: resident memory before, during and after, the seconds that a load takes alone
and beside a served version, and what requests wait meanwhile. The figures go to docs/measurements/two-versions.json.
"""

from __future__ import annotations

import gc
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bge_reranker.reranker import Reranker

from .checkpoint import BASE, write_checkpoint

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "measurements" / "two-versions.json"

_VOCABULARY = 250_002
"""Rows of XLM-RoBERTa's word embedding: with them the float32 weights are about as large as bge-reranker-large's in
float16."""

_WARM_REQUESTS = 20
_DOCUMENTS = ["a paragraph about the price of wheat in the northern provinces " * 4] * 4
_SAMPLE_S = 0.02
_BETWEEN_REQUESTS_S = 0.05


@dataclass
class Watch:
    """What happens while a block runs."""

    peak_mib: float = 0.0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)


def resident_mib() -> float:
    """Memory that this process holds."""
    return psutil.Process().memory_info().rss / 2**20


@contextmanager
def watched(served: Reranker | None = None) -> Iterator[Watch]:
    """Sample memory, and have a version rank now and then, until the block ends.

    Args:
        served: The version; None for none.
    """
    watch, over = Watch(), threading.Event()

    def sample() -> None:
        while not over.wait(_SAMPLE_S):
            watch.peak_mib = max(watch.peak_mib, resident_mib())

    def ask(version: Reranker) -> None:
        while not over.wait(_BETWEEN_REQUESTS_S):
            watch.latencies_ms.append(latency_ms(version))

    threads = [threading.Thread(target=sample)]
    if served is not None:
        threads.append(threading.Thread(target=ask, args=(served,)))
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    try:
        yield watch
    finally:
        watch.seconds = time.perf_counter() - began
        over.set()
        for thread in threads:
            thread.join()


def latency_ms(version: Reranker) -> float:
    """Time of one small request."""
    began = time.perf_counter()
    version.logits("the price of wheat", _DOCUMENTS)
    return 1_000 * (time.perf_counter() - began)


def measure(folder: Path) -> dict[str, Any]:
    """Load the first version alone, the second beside it, and close the first.

    Args:
        folder: Where the two checkpoints lie.
    """
    weights_mib = (folder / "first" / "model.safetensors").stat().st_size / 2**20
    empty = resident_mib()
    with watched() as alone:
        first = Reranker(folder / "first")
    for _ in range(_WARM_REQUESTS):
        latency_ms(first)
    one = resident_mib()
    quiet = [latency_ms(first) for _ in range(_WARM_REQUESTS)]
    with watched(first) as beside:
        second = Reranker(folder / "second")
    both = resident_mib()
    began = time.perf_counter()
    latency_ms(second)
    swap_ms = 1_000 * (time.perf_counter() - began)
    first.close()
    del first
    gc.collect()
    after = resident_mib()
    second.close()
    return {
        "weights_mib": weights_mib,
        "resident_mib": {"empty": empty, "one": one, "peak": beside.peak_mib, "both": both, "after_closing": after},
        "load_s": {"alone": alone.seconds, "beside_a_served_version": beside.seconds},
        "request_ms": {
            "quiet_median": statistics.median(quiet),
            "while_loading_median": statistics.median(beside.latencies_ms),
            "while_loading_max": max(beside.latencies_ms),
        },
        "first_request_of_the_second_ms": swap_ms,
        "cpus": psutil.cpu_count(),
    }


def main() -> None:
    """Write both checkpoints, measure, print and save."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_checkpoint(folder / "first", BASE, _VOCABULARY)
        shutil.copytree(folder / "first", folder / "second")
        figures = measure(folder)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
