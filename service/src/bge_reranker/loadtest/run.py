"""Run a plan: start the process that sends, read its records while they come, and show how far it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import RerankerError, SettingsError
from .plan import LoadPlan
from .record import Record
from .summary import StepSummary, summarise
from .templates import body_of, template_of
from .workload import Question

_LOOK_S = 0.25
_TIMEOUT_S = 10.0


class LoadTestFailed(RerankerError):
    """The process that sends requests ended before its plan did."""


@dataclass
class Run:
    """What a plan gave.

    Attributes:
        steps: In the order of the plan.
        largest_difference: Between two scores of one pair and version.
        sizes: Documents and tokens of each question that was answered, by its number.
        server: What the server says of itself; empty where it is none of ours.
    """

    steps: list[StepSummary] = field(default_factory=list)
    largest_difference: float = 0.0
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)


def templates(url: str) -> list[dict[str, Any]]:
    """Ask a server for its dialects.

    Raises:
        SettingsError: If it does not answer, or is no server of ours.
    """
    try:
        answer = httpx.get(f"{url}/dialects", timeout=_TIMEOUT_S)
        found = answer.raise_for_status().json()["dialects"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{url}/dialects does not give the dialects of a server: {_why(error)}.",
            remedy="Start the server first, and give its address, such as http://127.0.0.1:8000.",
        ) from None
    return list(found)


def about(url: str) -> dict[str, Any]:
    """What a server says of its capacity and limits, for whoever plans with the report; empty where it says nothing."""
    try:
        info = httpx.get(f"{url}/info", timeout=_TIMEOUT_S).raise_for_status().json()
        return {key: info[key] for key in ("version", "model", "capacity", "limits", "scorer") if key in info}
    except (httpx.HTTPError, ValueError, TypeError):
        return {}


def _why(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"it answers {error.response.status_code}"
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return "the address must begin with http:// or https://"
    return "nobody answers there" if isinstance(error, httpx.HTTPError) else "its answer is another one"


def bodies(dialect: str, known: Sequence[dict[str, Any]], questions: Sequence[Question]) -> tuple[str, list[bytes]]:
    """Path and lines of what is sent: number of documents, a tab, the body.

    Args:
        dialect: In which is asked.
        known: Templates, as the server gave them.
        questions: What is asked.

    Raises:
        SettingsError: If the server has no such dialect.
    """
    template = template_of(dialect, known)
    lines = [
        f"{len(question.documents)}\t{json.dumps(body_of(template['body'], question))}".encode()
        for question in questions
    ]
    return f"/{template['path']}", lines


def run(plan: LoadPlan, lines: Sequence[bytes], console: Console) -> Run:
    """Send everything, and sum it up.

    Raises:
        LoadTestFailed: If the process that sends ends early.
    """
    result = Run()
    records: list[Record] = []
    with tempfile.TemporaryDirectory() as folder, _bar(console) as bar:
        file = Path(folder, "bodies")
        file.write_bytes(b"\n".join(lines))
        shown = bar.add_task("", total=sum(step.seconds for step in plan.steps))
        done_s, looked = 0.0, 0.0
        for values in _sent(plan, file):
            step = plan.steps[len(result.steps)]
            if "ended" in values:
                result.steps.append(summarise(step, records))
                result.largest_difference = values["largest_difference"]
                records, done_s = [], done_s + step.seconds
                bar.update(shown, completed=done_s, description=_said(result.steps[-1]))
                continue
            records.append(record := Record(**values))
            if record.tokens:
                result.sizes[record.question] = record.documents, record.tokens
            if (now := time.monotonic()) >= looked + _LOOK_S:
                looked = now
                elapsed = min(step.seconds, records[-1].sent_s + records[-1].latency_s)
                bar.update(shown, completed=done_s + elapsed, description=_said(summarise(step, records)))
    if len(result.steps) < len(plan.steps):
        raise LoadTestFailed(
            f"The process that sends requests ended in step {len(result.steps) + 1} of {len(plan.steps)}.",
            remedy="Its own words are above.",
        )
    return result


def _sent(plan: LoadPlan, file: Path) -> Iterator[dict[str, Any]]:
    """Start the process, and yield what it writes; it ends with us."""
    command = [sys.executable, "-m", "bge_reranker.loadtest.generator"]
    with subprocess.Popen(  # noqa: S603 - this program's own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONWARNINGS": "ignore"}
    ) as process:
        try:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("a process without pipes; this is a bug")
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps({**plan.as_json(), "bodies": str(file)}).encode())
                process.stdin.close()
            for line in process.stdout:
                yield json.loads(line)
        finally:
            process.terminate()


def _bar(console: Console) -> Progress:
    return Progress(
        BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"), console=console, transient=True
    )


def _said(step: StepSummary) -> str:
    return (
        f"{step.step.label}: {step.answered} answered, {step.refused} refused, {step.failed} failed, "
        f"p50 {step.p50_ms:.0f} ms, p95 {step.p95_ms:.0f} ms"
    )
