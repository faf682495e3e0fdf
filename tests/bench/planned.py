"""What `bge-reranker plan` predicts beside what a load test then measures, at parts of the measured capacity.

A load test calibrates, with requests made to measure. Then requests of other sizes, from a file, are sent at 40, 70 and
90 % of what was measured, and the load test is repeated after each: processors that grow slower while they are loaded
are planned with the mean of before and after, and the table says by how much they did. Two predictions stand beside
each: that of the plan, which knows sizes and rates, and one of the very arrivals that were sent, which shows how much
of a difference is chance in this one run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bge_reranker.demo import demo_model_directory
from bge_reranker.loadtest.arrivals import send_times
from bge_reranker.loadtest.workload import Question, made_questions
from bge_reranker.planning.capacity import ReplicaCapacity
from bge_reranker.planning.lengths import count_tokens
from bge_reranker.planning.simulation import Arrival, Setup, serve
from bge_reranker.planning.sizes import RequestSizes, Sizes
from bge_reranker.planning.sizing import Demand, run
from bge_reranker.planning.sources import read_capacity

from .processes import started

SHARES = (0.4, 0.7, 0.9)
WANTED = 0.25
"""Largest part by which the predicted p95 may differ."""

_CALIBRATING = ("--documents", "8-24", "--words", "40-60", "--clients", "1,16")
_SERVE = (*("-m", "bge_reranker", "serve", "--port", "0", "--management-port", "0"), *("--log-level", "error"))
_PACED_RATE = 10_000
"""Tokens a second: few enough that what else the machine does hardly matters."""

_QUESTIONS = 400
_SIMULATED = 10_000
_SEED = 7


def measure_plan(console: Console, seconds: float) -> dict[str, Any]:
    """Calibrate, predict and measure with the embedded model.

    Args:
        console: Where the result is shown.
        seconds: Length of each measured load; the heaviest one, whose p95 scatters most, has three times as long.
    """
    with tempfile.TemporaryDirectory() as name, started(*_SERVE) as server:
        return _measure(console, seconds, server.url, Path(name), demo_model_directory())


def measure_paced_plan(console: Console, seconds: float) -> dict[str, Any]:
    """The same with a scorer that sleeps: the server's queue and threads alone, whatever else the machine does.

    Args:
        console: Where the result is shown.
        seconds: Length of each measured load, the heaviest one apart.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rate").write_text(str(_PACED_RATE), encoding="utf-8")
        with started("-m", "tests.bench.paced_server", name) as server:
            return _measure(console, seconds, server.url, folder, folder)


def _measure(console: Console, seconds: float, url: str, folder: Path, tokenizer: Path) -> dict[str, Any]:
    questions = _other_questions(folder / "requests.jsonl")
    console.print("Plan: warming up and calibrating ...")
    _calibrated(url, folder / "calibration.json", seconds / 2)
    before = _calibrated(url, folder / "calibration.json", seconds / 2)
    lengths = count_tokens([(each.query, each.documents) for each in questions], tokenizer, before.max_pair_tokens)
    rows = []
    for share in SHARES:
        full = before.tokens_per_second * len(lengths) / sum(map(sum, lengths))
        length_s = 3 * seconds if share == SHARES[-1] else seconds
        console.print(f"Plan: {share:.0%} of {full:.1f} requests/s for {length_s:.0f} s ...")
        measured = _loaded(url, folder, share * full, length_s)
        after = _calibrated(url, folder / "calibration.json", seconds / 2)
        row = _compared(measured, _mean(before, after), lengths, (share, share * full, length_s))
        rows.append(
            row | {"requests_per_second": full, "slowed_to": after.tokens_per_second / before.tokens_per_second}
        )
        before = after
    _print(console, rows)
    return {
        "capacity": {
            "tokens_per_second": before.tokens_per_second,
            "batch_ms": before.batch_s * 1000,
            "request_ms": before.request_s * 1000,
        },
        "wanted": WANTED,
        "loads": rows,
    }


def _mean(before: ReplicaCapacity, after: ReplicaCapacity) -> ReplicaCapacity:
    return replace(
        before,
        tokens_per_second=(before.tokens_per_second + after.tokens_per_second) / 2,
        request_s=(before.request_s + after.request_s) / 2,
    )


def _other_questions(file: Path) -> list[Question]:
    """Requests of sizes that do not calibrate, written where a load test reads them."""
    documents, words = Sizes.parse("lognormal:12:0.6", ""), Sizes.parse("lognormal:35:0.6", "", 200)
    questions = made_questions(_QUESTIONS, documents, words, Sizes.parse("2-20", ""), _SEED)
    lines = [json.dumps({"query": each.query, "documents": list(each.documents)}) for each in questions]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return questions


def _calibrated(url: str, file: Path, seconds: float) -> ReplicaCapacity:
    _load_test(url, *_CALIBRATING, "--seconds", str(seconds), "--json", str(file))
    return read_capacity(str(file))


def _load_test(url: str, *options: str) -> None:
    command = [sys.executable, "-m", "bge_reranker", "loadtest", url, *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _loaded(url: str, folder: Path, rate: float, seconds: float) -> dict[str, Any]:
    report = folder / "measured.json"
    options = ("--requests", str(folder / "requests.jsonl"), "--rate", str(rate), "--seconds", str(seconds))
    _load_test(url, *options, "--seed", str(_SEED), "--json", str(report))
    step: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["steps"][0]
    return step


def _compared(
    measured: dict[str, Any],
    capacity: ReplicaCapacity,
    lengths: Sequence[Sequence[int]],
    load: tuple[float, float, float],
) -> dict[str, Any]:
    share, rate, seconds = load
    planned = run(Demand(rate, RequestSizes.among(lengths), None, requests=_SIMULATED), capacity, 1)
    times = send_times("poisson", rate, seconds, _SEED)
    same = serve(
        Setup(capacity),
        [Arrival(at, lengths[number % len(lengths)]) for number, at in enumerate(times)],
        settling=0.0,
    )
    percents = (50, 95, 99)
    return {
        "share": share,
        "rate": rate,
        "seconds": seconds,
        "requests": measured["requests"],
        "answered": measured["answered"],
        "sent_late_p99_ms": measured["late_p99_ms"],
        "measured_ms": {f"p{each}": measured[f"p{each}_ms"] for each in percents},
        "planned_ms": {f"p{each}": planned.percentile_ms(each) for each in percents},
        "same_arrivals_ms": {f"p{each}": same.percentile_ms(each) for each in percents},
    }


def _print(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    table = Table(*"load|then|requests|late p99|p50|planned|p95|planned||same arrivals||p99|planned".split("|"))
    for row in rows:
        measured, planned, same = (row[f"{key}_ms"] for key in ("measured", "planned", "same_arrivals"))
        table.add_row(
            f"{row['share']:.0%}, {row['rate']:.1f}/s",
            f"{row['slowed_to']:.2f}",
            str(row["requests"]),
            f"{row['sent_late_p99_ms']:.1f}",
            f"{measured['p50']:.0f}",
            f"{planned['p50']:.0f}",
            f"{measured['p95']:.0f}",
            f"{planned['p95']:.0f}",
            f"{planned['p95'] / measured['p95'] - 1:+.0%}",
            f"{same['p95']:.0f}",
            f"{same['p95'] / measured['p95'] - 1:+.0%}",
            f"{measured['p99']:.0f}",
            f"{planned['p99']:.0f}",
        )
    console.print(table)
