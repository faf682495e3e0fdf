"""The growth of cost as tables in docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..page import replace_section
from .cells import STAGES

_INTRODUCTION = """## How cost grows

`make bench-scaling` (`ARGS='--model base-int8 --axis length'` for a part): 16 documents of 128 words and one client,
except for the quantity that grows. Shares are of the time that clients wait, which with many clients is mostly the
queue. *Parse and serialise* is what remains of the server's total after tokenise, queue and compute; with several
clients that includes waiting for a thread, and between batches of one request."""

_SHAPES = """Batches of new lengths: {new:.0f} tokens per second of CPU time (one thread, {batches} batches, warm-up
over); the same again: {repeated:.0f}. Loss {loss:.1%}.
"""

_COLUMNS = ("grows", "documents", "words", "clients", "requests", "tokens/s", "p50 ms", "p95 ms", *STAGES)


def write_report(report: Mapping[str, Any], docs: Path) -> str:
    """Replace the section of docs/benchmarks.md; return it."""
    text = "\n\n".join([_INTRODUCTION, *(_section(model, measured) for model, measured in report.items())])
    replace_section(docs, "scaling", text)
    return text


def _section(model: str, measured: Mapping[str, Any]) -> str:
    lines = [f"### {model}\n\n{measured['machine']}, {measured['date'][:10]}.\n"]
    if "shapes" in measured:
        shapes = measured["shapes"]
        lines.append(_SHAPES.format(**shapes))
    lines += [f"| {' | '.join(_COLUMNS)} |", f"| {' | '.join('---' for _ in _COLUMNS)} |"]
    for axis in ("documents", "length", "clients"):
        lines += [_row(axis, cell) for cell in measured.get(axis, [])]
    return "\n".join(lines)


def _row(axis: str, cell: Mapping[str, Any]) -> str:
    values = [axis, *(str(cell[name]) for name in ("documents", "words", "clients"))]
    if "stopped_s" in cell:
        return f"| {' | '.join(values)} | stopped after {cell['stopped_s']:.0f} s |"
    values += [str(cell["requests"]), f"{cell['tokens'] / cell['seconds']:.0f}"]
    values += [f"{cell['p50_ms']:.0f}", f"{cell['p95_ms']:.0f}"]
    values += [f"{cell['shares'][stage]:.1%}" for stage in STAGES]
    return f"| {' | '.join(values)} |"
