"""The same load on the servers of two trees, in alternating pairs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.bench.checkpoint import write_checkpoint
from tests.bench.documents import Texts
from tests.bench.load import Cell, run_cell
from tests.bench.processes import BenchServer

from .ratios import MedianRatio, Side, median_ratio, turns
from .trees import ROOT, checked_out, commit_of, is_changed, tree_server

REPORT = ROOT / "docs" / "measurements" / "against.json"
"""Where the last comparison is written."""

_DEADLINE_S = 600.0
_WARM_UP_S = 2.0
_STARTS = 5
_MAX_FACTOR = 10
"""A turn may take so many times as long as it is meant to before it is cut off, so that a slow machine ends too."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A model and how it is loaded."""

    name: str
    model: str
    documents: int
    clients: int

    @property
    def tokenizer(self) -> Path:
        """Folder of the tokenizer whose words the texts are made of."""
        return ROOT / "service/src/bge_reranker/demo/model" if self.model == "demo" else Path(self.model)

    def requests(self, seed: int) -> Iterator[dict[str, Any]]:
        """The same requests for the same seed."""
        texts = Texts(self.tokenizer, seed)
        while True:
            yield texts.request(self.documents)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All turns of one workload."""

    workload: Workload
    this: list[Cell]
    other: list[Cell]
    starts: dict[Side, list[float]]
    """Seconds from the process to readiness, of each tree in the same order."""

    def ratio(self, figure: Callable[[Cell], float]) -> MedianRatio:
        """This tree's figure divided by the other's."""
        return median_ratio([figure(cell) for cell in self.this], [figure(cell) for cell in self.other])

    def ratios(self) -> dict[str, MedianRatio]:
        """What is compared: more is better of throughput, less of latency and of the time to start."""
        return {
            "throughput": self.ratio(lambda cell: cell.tokens_per_second),
            "throughput_per_cpu_second": self.ratio(lambda cell: cell.tokens_per_cpu_second),
            "p50_latency": self.ratio(lambda cell: cell.percentile_ms(50)),
            "start": median_ratio(self.starts["this"], self.starts["other"]),
        }

    def as_json(self) -> dict[str, Any]:
        """The ratios and every turn."""
        return {
            **{name: asdict(ratio) for name, ratio in self.ratios().items()},
            "documents_per_request": self.workload.documents,
            "clients": self.workload.clients,
            "this": [cell.as_json() for cell in self.this],
            "other": [cell.as_json() for cell in self.other],
            "start_seconds": self.starts,
        }


def compare_trees(ref: str, rounds: int, seconds: float, cache: Path, console: Console) -> dict[str, Any]:
    """Measure this tree beside a commit, with the embedded model and the base shape.

    Args:
        ref: The commit, by any name of it.
        rounds: Pairs of turns for each model.
        seconds: That a turn of the other tree is to take.
        cache: Where the checkpoint of the base shape lies.
        console: Where progress and the result are shown.

    Raises:
        LookupError: If there is no such commit.
    """
    commit = commit_of(ref)
    if commit is None:
        raise LookupError(f"{ref} names no commit of this repository")
    workloads = [
        Workload("demo", "demo", documents=16, clients=8),
        Workload("base shape", str(write_checkpoint(cache / "xlm-roberta-base-shape")), documents=4, clients=2),
    ]
    with checked_out(commit) as tree, _progress(console) as progress:
        found = [_compare(workload, tree, rounds, seconds, progress) for workload in workloads]
    console.print(_table(ref, commit, found))
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "this": {"commit": commit_of("HEAD"), "is_changed": is_changed()},
        "other": {"ref": ref, "commit": commit},
        "rounds": rounds,
        "seconds": seconds,
        "models": {comparison.workload.name: comparison.as_json() for comparison in found},
    }


def save(report: dict[str, Any]) -> Path:
    """Write a report as JSON, in place of the last one."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return REPORT


def _compare(workload: Workload, tree: Path, rounds: int, seconds: float, progress: Progress) -> Comparison:
    trees: dict[Side, Path] = {"this": ROOT, "other": tree}
    task = progress.add_task(workload.name, total=2 * (rounds + _STARTS))
    starts: dict[Side, list[float]] = {"this": [], "other": []}
    for order in turns(_STARTS):
        for side in order:
            with tree_server(trees[side], workload.model, _DEADLINE_S) as server:
                starts[side].append(time.time() - server.process.create_time())
            progress.advance(task)
    cells: dict[Side, list[Cell]] = {"this": [], "other": []}
    with ExitStack() as stack:
        servers: dict[Side, BenchServer] = {
            side: stack.enter_context(tree_server(trees[side], workload.model, _DEADLINE_S)) for side in trees
        }
        for server in servers.values():
            _run(server, workload, seed=0, seconds=_WARM_UP_S)
        # Both do the same work in every pair: as much as the other tree does in the seconds that a turn is to take.
        requests = len(_run(servers["other"], workload, seed=0, seconds=seconds).latencies_s)
        for seed, order in enumerate(turns(rounds), 1):
            for side in order:
                cells[side].append(_run(servers[side], workload, seed, _MAX_FACTOR * seconds, requests))
                progress.advance(task)
    return Comparison(workload, cells["this"], cells["other"], starts)


def _run(server: BenchServer, workload: Workload, seed: int, seconds: float, requests: int = 1_000_000) -> Cell:
    cell = asyncio.run(run_cell(server, workload.requests(seed), workload.clients, seconds, requests))
    if cell.failed or not cell.latencies_s:
        raise RuntimeError(f"{cell.failed} requests failed, so that the turns are not of the same work")
    return cell


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _table(ref: str, commit: str, found: list[Comparison]) -> Table:
    table = Table(
        "model", "throughput", "per CPU second", "p50 latency", "start", title=f"This tree / {ref} ({commit[:12]})"
    )
    for comparison in found:
        table.add_row(comparison.workload.name, *(str(ratio) for ratio in comparison.ratios().values()))
    return table
