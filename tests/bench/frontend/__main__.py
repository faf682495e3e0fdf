"""`python -m tests.bench.frontend`: the server around a pretended GPU; docs/measurements/frontend.json."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from ..__main__ import describe_machine
from .generator import load
from .vocabulary import VOCABULARY_SIZE, trained_tokenizer
from .workload import Texts, Workload

_CACHE = Path.home() / ".cache" / "bge-reranker" / "bench"
_FIGURES = Path(__file__).parents[3] / "docs" / "measurements" / "frontend.json"
_DEVICE_TOKENS_PER_S = 1_300_000
"""What an H200 computes of XLM-RoBERTa's large shape in bfloat16."""

_CONNECTIONS = 16
_WARM_UP_S = 1
_STOP_S = 30.0
_SETTINGS = {"log_level": "error", "deadline_s": 60, "max_queue_tokens": 10_000_000}


@dataclass(frozen=True)
class Cell:
    """One workload, measured once."""

    workload: str
    tokens_per_cpu_s: float
    """Of the whole server's process."""
    tokenizer_tokens_per_cpu_s: float
    """Of the tokenizer alone."""
    tokens_per_s: float
    cores: float
    """CPU seconds of the server in a second."""

    @property
    def other_us(self) -> float:
        """CPU time of a token that is not its tokenising, in microseconds."""
        return 1e6 / self.tokens_per_cpu_s - 1e6 / self.tokenizer_tokens_per_cpu_s


@dataclass(frozen=True)
class _Paced:
    """A server whose scorer takes a GPU's time."""

    url: str
    management_url: str
    process: psutil.Process

    def cpu_s(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def tokens(self) -> float:
        """Tokens scored so far."""
        families = text_string_to_metric_families(httpx.get(f"{self.management_url}/metrics").text)
        samples = (sample for family in families for sample in family.samples)
        return next(sample.value for sample in samples if sample.name == "bge_reranker_batch_tokens_sum")


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each workload is measured, in turns.")
@click.option("--seconds", default=5, show_default=True, help="How long each time, and the tokenizer alone beside it.")
@click.option("--documents", default="16,100", show_default=True, help="Documents of a request.")
@click.option("--tokens", default="48,150", show_default=True, help="Tokens of a document.")
@click.option("--json", "file", default=_FIGURES, type=click.Path(path_type=Path), show_default="docs/measurements")
def bench_frontend(*, rounds: int, seconds: int, documents: str, tokens: str, file: Path) -> None:
    """Measure what HTTP, JSON, tokenising and queueing cost a server whose scorer is a fast GPU."""
    console = Console(width=None if sys.stdout.isatty() else 130)
    tokenizer = trained_tokenizer(_CACHE)
    texts = Texts(tokenizer)
    workloads = [
        texts.workload(int(count), int(length)) for count in documents.split(",") for length in tokens.split(",")
    ]
    with tempfile.TemporaryDirectory() as name, _paced(Path(name), tokenizer) as server:
        cells = list(_measure(server, tokenizer, workloads, rounds, seconds, Path(name)))
    report = {
        "machine": describe_machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"make bench-frontend ARGS='{' '.join(sys.argv[1:])}'",
        "vocabulary": VOCABULARY_SIZE,
        "device_tokens_per_s": _DEVICE_TOKENS_PER_S,
        "cells": [asdict(cell) for cell in cells],
    }
    _print(cells, console)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console.print(f"{report['machine']}. Written to {file}.")


def _measure(
    server: _Paced, tokenizer: Path, workloads: Sequence[Workload], rounds: int, seconds: int, folder: Path
) -> Iterator[Cell]:
    files = {workload.name: workload.write(folder) for workload in workloads}
    for bodies in files.values():
        load(server.url, bodies, _CONNECTIONS, _WARM_UP_S)
    for _ in range(rounds):
        for name, bodies in files.items():
            before, tokens = server.cpu_s(), server.tokens()
            requests = load(server.url, bodies, _CONNECTIONS, seconds).requests
            cpu_s, done = server.cpu_s() - before, server.tokens() - tokens
            alone = _alone(tokenizer, bodies, seconds)
            request_tokens = done / requests
            yield Cell(
                name,
                tokens_per_cpu_s=done / cpu_s,
                tokenizer_tokens_per_cpu_s=alone["requests"] * request_tokens / alone["cpu_s"],
                tokens_per_s=done / seconds,
                cores=cpu_s / seconds,
            )


def _alone(tokenizer: Path, bodies: Path, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.frontend.alone", str(tokenizer), str(bodies), str(seconds)]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


@contextmanager
def _paced(folder: Path, tokenizer: Path) -> Iterator[_Paced]:
    (folder / "rate").write_text(str(_DEVICE_TOKENS_PER_S), encoding="utf-8")
    arguments = [str(folder), json.dumps(_SETTINGS), str(tokenizer)]
    command = [sys.executable, "-m", "tests.bench.paced_server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("the server's output is not read; this is a bug")
        said = dict(line.split(": ") for _, line in zip(range(2), process.stdout, strict=False))
        try:
            yield _Paced(said["Ready"].strip(), said["Management"].strip(), psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(_STOP_S)


def _print(cells: Sequence[Cell], console: Console) -> None:
    cores = len(os.sched_getaffinity(0))
    table = Table(
        *"requests|tokens/CPU s|tokenizer alone|share|other us/token|tokens/s|device busy|server on cores".split("|")
    )
    for name in dict.fromkeys(cell.workload for cell in cells):
        found = [cell for cell in cells if cell.workload == name]

        def middle(values: Sequence[float]) -> float:
            return statistics.median(values)

        server, alone = (
            middle([cell.tokens_per_cpu_s for cell in found]),
            middle([cell.tokenizer_tokens_per_cpu_s for cell in found]),
        )
        rate = middle([cell.tokens_per_s for cell in found])
        table.add_row(
            name,
            f"{server:,.0f}",
            f"{alone:,.0f}",
            f"{server / alone:.0%}",
            f"{middle([cell.other_us for cell in found]):.2f}",
            f"{rate:,.0f}",
            f"{rate / _DEVICE_TOKENS_PER_S:.0%}",
            f"{middle([cell.cores for cell in found]):.2f}",
        )
    console.print(table)
    console.print(f"{cores} cores, the load generator's included; {_CONNECTIONS} connections.")


if __name__ == "__main__":
    bench_frontend()
