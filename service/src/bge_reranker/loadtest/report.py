"""A load test as a table, as JSON, and as a picture."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .run import Run
from .summary import StepSummary

_MOST_REASONS = 5


def print_report(run: Run, knee: StepSummary | None, console: Console) -> None:
    """Print the table, what was refused or failed, and where the knee is."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("load", no_wrap=True)
    for name in ("sent/s", "done/s", "docs/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "refused", "failed", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for step in run.steps:
        latencies = (step.p50_ms, step.p95_ms, step.p99_ms, step.max_ms)
        table.add_row(
            step.step.label,
            f"{step.rate:.1f}",
            f"{step.goodput:.1f}",
            f"{step.documents_per_second:.0f}",
            *("-" if math.isnan(each) else f"{each:.0f}" for each in latencies),
            str(step.refused),
            str(step.failed),
            "knee" if step is knee and len(run.steps) > 1 else "",
        )
    console.print(table)
    for step in run.steps:
        for reason, number in list(step.reasons.items())[:_MOST_REASONS]:
            console.print(f"{step.step.label}: {number} times {reason}", highlight=False)
        if step.sender_is_late:
            console.print(
                f"{step.step.label}: requests were sent up to {step.late_p99_ms:.0f} ms late (p99): the machine that "
                "sends is too busy for these latencies to be the server's alone.",
                highlight=False,
            )
        if len(step.p95_by_caller) > 1:
            each = ", ".join(f"{p95:.0f}" for p95 in step.p95_by_caller)
            console.print(f"{step.step.label}: p95 by caller: {each} ms", highlight=False)
    versions = sorted({version for step in run.steps for version in step.versions})
    console.print(
        f"Scored by {', '.join(versions) or 'nobody'}; largest difference between two scores of one pair: "
        f"{run.largest_difference:.2g}",
        highlight=False,
        soft_wrap=True,
    )


def as_json(run: Run, knee: StepSummary | None) -> dict[str, Any]:
    """All figures as JSON values; NaN is null."""
    steps = [
        {"load": step.step.label, "sent_per_second": step.rate, "answered_per_second": step.goodput, **asdict(step)}
        for step in run.steps
    ]
    whole = {
        "steps": steps,
        "knee": knee.step.label if knee else None,
        "largest_score_difference": run.largest_difference,
        "sizes": [{"documents": documents, "tokens": tokens} for documents, tokens in run.sizes.values()],
        "server": run.server,
    }
    return dict(_without_nan(whole))


def save_json(run: Run, knee: StepSummary | None, file: Path) -> None:
    """Write all figures."""
    file.write_text(json.dumps(as_json(run, knee), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def save_picture(run: Run, knee: StepSummary | None, file: Path) -> None:
    """Draw latency against load, the knee marked.

    Args:
        run: What was measured.
        knee: Its knee.
        file: Its ending chooses the format: .png, .svg, .pdf.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, and only for a picture

    loads = [step.goodput if step.step.rate is None else step.rate for step in run.steps]
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, values in (
        ("p50", [step.p50_ms for step in run.steps]),
        ("p95", [step.p95_ms for step in run.steps]),
        ("p99", [step.p99_ms for step in run.steps]),
    ):
        axes.plot(loads, values, marker="o", label=name)
    if knee is not None and len(run.steps) > 1:
        at = loads[run.steps.index(knee)]
        axes.axvline(at, color="black", linestyle="--", linewidth=1)
        axes.annotate(f"knee: {at:.3g}/s", (at, axes.get_ylim()[1]), xytext=(4, -12), textcoords="offset points")
    axes.set_xlabel("requests per second")
    axes.set_ylabel("latency in ms")
    axes.set_yscale("log")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(file)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
