"""The measurements as a table and plots in docs/benchmarks.md."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..page import replace_section
from .checkpoints import SHAPES
from .comparison import LONE_DOCUMENTS
from .plots import draw_plots

_LINEAR_GFLOP_PER_TOKEN = {"base": 0.170, "large": 0.604}
_ATTENTION_GFLOP = {shape: 4 * form.layers * form.hidden / 1e9 for shape, form in SHAPES.items()}
"""Of a token for each token that it attends to: a product with its key and one with its value."""

_TEI_RATIO = (1.8, 2.1)
"""text-embeddings-inference beside sentence-transformers float32, as measured elsewhere."""

_INTRODUCTION = """## Beside other rerankers

`make bench-peers`: the same documents of 20 to 400 tokens, 16 a request, all contestants in turns, medians of the
rounds; tokens exclude padding. A cell sends for some seconds, then waits for its open requests, and that time counts.
Libraries that are called directly get 64 pairs a call. The scores of each were compared with our float32 scores before
it was timed."""

_SECTION = """### {name}

`{command}`: {machine}, {day}, {rounds} rounds of {seconds:g} s. Matrix rates in the same run: int8 {int8:.0f} GFLOP/s,
float32 {float32:.0f} GFLOP/s.
"""

_PLOTS = (("Tokens per second", "tokens"), ("Latency", "latency"), ("Memory and start", "cost"))

_UNMEASURED = """- text-embeddings-inference 1.9.3: not measured here (give --tei-url). Carried from another machine,
  where it was {}-{}x sentence-transformers float32: int8 would be {:.1f}-{:.1f}x of it"""

_COLUMNS = (
    "contestant",
    "clients",
    "tokens/s (median)",
    "spread",
    "p50 ms",
    "p95 ms",
    "generator CPU s",
    "MiB",
    "start s",
    *(f"one caller, {documents} docs: p50 ms" for documents in LONE_DOCUMENTS),
)


def write_report(report: Mapping[str, Any], docs: Path) -> str:
    """Replace the section of docs/benchmarks.md and the plots; return the section."""
    sections = [_INTRODUCTION]
    for run, measured in report.items():
        name = re.sub(r"\W+", "-", run)
        draw_plots(name, measured, docs / "plots")
        sections.append(_section(run, name, measured))
    text = "\n\n".join(sections)
    replace_section(docs, "peers", text)
    return text


def medians(contestant: Mapping[str, Any]) -> dict[int, float]:
    """Tokens per second by number of clients."""
    return {clients: statistics.median(_rates(cells)) for clients, cells in by_clients(contestant).items()}


def by_clients(contestant: Mapping[str, Any]) -> dict[int, list[dict[str, Any]]]:
    """Cells by number of clients, 0 where nobody waits in a line."""
    found: dict[int, list[dict[str, Any]]] = {}
    for cell in contestant["cells"]:
        found.setdefault(cell["clients"], []).append(cell)
    return found


def _section(run: str, pictures: str, measured: Mapping[str, Any]) -> str:
    rates = {form: statistics.median(rate[form] for rate in measured["matrix_gflops"]) for form in ("int8", "float32")}
    head = _SECTION.format(
        name=f"XLM-RoBERTa's shape {run}",
        command=measured["command"],
        machine=measured["machine"],
        day=measured["date"][:10],
        rounds=len(measured["matrix_gflops"]),
        seconds=measured["seconds"],
        **rates,
    )
    lines = [
        head,
        f"| {' | '.join(_COLUMNS)} |",
        f"| {' | '.join('---' for _ in _COLUMNS)} |",
    ]
    for contestant in measured["contestants"].values():
        lines += [_row(contestant, clients, cells) for clients, cells in by_clients(contestant).items()]
    checks = "; ".join(f"{row['name']}: {row['check']}" for row in measured["contestants"].values())
    plots = "\n".join(f"![{title}](plots/{pictures}-{name}.svg)" for title, name in _PLOTS)
    return "\n".join([*lines, "", *_ratios(measured, rates), "", f"Checked before: {checks}.", "", plots])


def _row(contestant: Mapping[str, Any], clients: int, cells: list[dict[str, Any]]) -> str:
    rates, latencies = _rates(cells), [value for cell in cells for value in cell["latencies_s"]]
    times = [f"{np.percentile(latencies, percent) * 1000:.0f}" if latencies else "-" for percent in (50, 95)]
    memory = contestant["resident_mib"]
    values = (
        contestant["name"],
        str(clients) if clients else "-",
        f"{statistics.median(rates):.0f}",
        f"{min(rates):.0f}-{max(rates):.0f}",
        *times,
        f"{sum(cell['generator_cpu_s'] for cell in cells):.2f}" if clients else "-",
        f"{memory:.0f}" if memory else "-",
        f"{contestant['start_s']:.1f}",
        *(_lone_ms(contestant, documents) for documents in LONE_DOCUMENTS),
    )
    return f"| {' | '.join(values)} |"


def _lone_ms(contestant: Mapping[str, Any], documents: int) -> str:
    """The median latency of one caller, where it was measured."""
    latencies = contestant.get("lone_s", {}).get(str(documents))
    return f"{statistics.median(latencies) * 1000:.0f}" if latencies else "-"


def _ratios(measured: Mapping[str, Any], rates: Mapping[str, float]) -> list[str]:
    """One line for each promise of speed, whether it is kept or not."""
    found = {key: medians(row) for key, row in measured["contestants"].items()}
    lines = []
    for ours, peer, wanted in (
        ("int8", "infinity", 10.0),
        ("int8", "tei", 5.0),
        ("int8", "onnx-int8", 3.0),
        ("int8", "torch-float32", 10.0),
        ("int8", "openvino", 0.9),
        ("float32", "torch-float32", 2.0),
    ):
        if ours in found and peer in found:
            shares = [
                f"{rate / found[peer].get(clients, next(iter(found[peer].values()))):.2f}x at {clients} clients"
                for clients, rate in found[ours].items()
            ]
            name = measured["contestants"][peer]["name"]
            lines.append(f"- {ours} beside {name}: {', '.join(shares)} (wanted {wanted:g}x)")
    lines += [_matrix_share(form, max(found[form].values()), measured, rates) for form in rates if form in found]
    if "tei" not in found and "torch-float32" in found and "int8" in found:
        ratio = max(found["int8"].values()) / next(iter(found["torch-float32"].values()))
        low, high = (ratio / factor for factor in reversed(_TEI_RATIO))
        lines.append(_UNMEASURED.format(*_TEI_RATIO, low, high))
    if "int8" in found:
        lines.append(_ceiling(measured, found))
    return lines


def _ceiling(measured: Mapping[str, Any], found: Mapping[str, Mapping[int, float]]) -> str:
    """What would be reached if linear layers took all of a call's time, at the rate that they have."""
    shares = {
        kind: statistics.median(share[kind] for share in measured["int8_shares"]) for kind in measured["int8_shares"][0]
    }
    best = max(found["int8"].values()) / shares["linear"]
    reached = [
        f"{best / max(found[peer].values()):.1f}x {measured['contestants'][peer]['name']}"
        for peer in ("infinity", "tei", "onnx-int8", "torch-float32", "openvino")
        if peer in found
    ]
    spent = ", ".join(f"{share:.0%} {kind}" for kind, share in sorted(shares.items(), key=lambda item: -item[1]))
    return f"- int8: a call's time is {spent}; if only its linear layers took time: {', '.join(reached)}"


def _matrix_share(form: str, tokens_per_s: float, measured: Mapping[str, Any], rates: Mapping[str, float]) -> str:
    """Beside the rate of matrix products of the same form: the linear layers alone, and with attention."""
    linear = _LINEAR_GFLOP_PER_TOKEN[measured["shape"]]
    attention = _ATTENTION_GFLOP[measured["shape"]] * measured["attended_tokens"]
    alone, both = (tokens_per_s * gflop / rates[form] for gflop in (linear, linear + attention))
    wanted = " (wanted 50%)" if form == "int8" else ""
    return f"- {form}: {alone:.0%} of the {form} matrix rate in its linear layers, {both:.0%} with attention{wanted}"


def _rates(cells: list[dict[str, Any]]) -> list[float]:
    return [cell["tokens"] / cell["seconds"] for cell in cells]
