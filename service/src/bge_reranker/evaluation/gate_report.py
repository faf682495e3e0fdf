"""The gate's verdict as tables: what was demanded, the cut-offs, and which queries got worse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .gate import Judgement, QueryChange
from .thresholds import CutOff, Thresholds
from .verdict import GateVerdict

_Row = tuple[str, str, str, str]


def print_gate(judgement: Judgement, thresholds: Thresholds, console: Console) -> None:
    """Prints what was found beside what was demanded."""
    table = Table("measure", title="Relevance gate")
    for column in ("found", "serving", "demanded"):
        table.add_column(column, justify="right")
    for row in _rows(judgement, thresholds):
        table.add_row(*row)
    console.print(table)
    if thresholds.cut_offs:
        console.print(_cut_offs(judgement, thresholds.cut_offs))
    if worse := [change for change in judgement.changes if change.loss > 0]:
        console.print(_worse(worse))
    elif judgement.changes:
        console.print("No query got worse.")


def save_gate(verdict: GateVerdict, judgement: Judgement, path: Path) -> None:
    """Writes the verdict as `/info` shows it, with its problems and every query, as a JSON object."""
    content = {
        **verdict.as_json(),
        "problems": list(verdict.problems),
        "changes": [asdict(change) for change in judgement.changes],
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _rows(judgement: Judgement, thresholds: Thresholds) -> Iterator[_Row]:
    figures = judgement.figures
    demanded = []
    if thresholds.min_ndcg_at_10 is not None:
        demanded.append(f"at least {thresholds.min_ndcg_at_10:g}")
    if thresholds.max_ndcg_loss is not None:
        demanded.append(f"at most {thresholds.max_ndcg_loss:g} below")
    serving = figures.get("reference_ndcg_at_10")
    shown = "-" if serving is None else f"{serving:.4f}"
    yield "nDCG@10", f"{figures['ndcg_at_10']:.4f}", shown, ", ".join(demanded) or "-"
    if judgement.changes:
        tau, least = figures["kendall_tau"], thresholds.min_kendall_tau
        yield (
            "Kendall tau",
            "undefined" if tau is None else f"{tau:.4f}",
            "-",
            "-" if least is None else f"at least {least:g}",
        )


def _cut_offs(judgement: Judgement, declared: Sequence[CutOff]) -> Table:
    table = Table("cut-off", title="Cut-offs on the new scale")
    for column in ("score", "equivalent", "drift allowed"):
        table.add_column(column, justify="right")
    for cut_off, found in zip(declared, judgement.cut_offs, strict=True):
        equivalent = "unknown" if found.equivalent is None else f"{found.equivalent:.4f}"
        allowed = "any" if cut_off.max_drift is None else f"{cut_off.max_drift:g}"
        table.add_row(cut_off.name, f"{cut_off.score:g}", equivalent, allowed)
    return table


def _worse(changes: Sequence[QueryChange]) -> Table:
    table = Table("query", title="Queries that got worse, by nDCG@10")
    for column in ("serving", "now", "change"):
        table.add_column(column, justify="right")
    for change in changes:
        figures = (f"{change.reference_ndcg_at_10:.4f}", f"{change.ndcg_at_10:.4f}", f"{-change.loss:+.4f}")
        table.add_row(escape(change.query), *figures)
    return table
