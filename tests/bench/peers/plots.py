"""Static pictures of the comparison."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 9.0, 4.5


def draw_plots(shape: str, measured: Mapping[str, Any], folder: Path) -> None:
    """Draw tokens per second by clients, percentiles of latency, and memory with start-up."""
    folder.mkdir(parents=True, exist_ok=True)
    # The same figures make the same files.
    mpl.rcParams["svg.hashsalt"] = shape
    for name, draw in (("tokens", _tokens), ("latency", _latency), ("cost", _cost)):
        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        draw(figure, measured["contestants"])
        figure.savefig(folder / f"{shape}-{name}.svg", metadata={"Date": None})


def _tokens(figure: Figure, contestants: Mapping[str, Any]) -> None:
    axes = figure.subplots()
    for row in contestants.values():
        clients = sorted({cell["clients"] for cell in row["cells"]})
        rates = [
            statistics.median(cell["tokens"] / cell["seconds"] for cell in row["cells"] if cell["clients"] == count)
            for count in clients
        ]
        if clients == [0]:
            axes.axhline(rates[0], linestyle="--", label=row["name"], color=axes.plot([], [])[0].get_color())
        else:
            axes.plot(clients, rates, marker="o", label=row["name"])
    axes.set(xlabel="clients (dashed: called directly)", ylabel="tokens/s", ylim=(0, None))
    figure.legend(loc="outside right upper", fontsize="x-small")


def _latency(figure: Figure, contestants: Mapping[str, Any]) -> None:
    axes = figure.subplots()
    percents = [50, 75, 90, 95, 99]
    for row in contestants.values():
        for count in sorted({cell["clients"] for cell in row["cells"]} - {0}):
            waits = [value for cell in row["cells"] if cell["clients"] == count for value in cell["latencies_s"]]
            axes.plot(percents, np.percentile(waits, percents), marker="o", label=f"{row['name']}, {count} clients")
    axes.set(xlabel="percentile", ylabel="seconds a request of 16 documents", yscale="log")
    figure.legend(loc="outside right upper", fontsize="x-small")


def _cost(figure: Figure, contestants: Mapping[str, Any]) -> None:
    rows = [row for row in contestants.values() if row["resident_mib"]]
    names = [row["name"] for row in rows]
    left, right = figure.subplots(1, 2, sharey=True)
    left.barh(names, [row["resident_mib"] for row in rows])
    left.set(xlabel="resident memory, MiB")
    left.tick_params(axis="y", labelsize="x-small")
    right.barh(names, [row["start_s"] for row in rows])
    right.set(xlabel="seconds until it scores")
