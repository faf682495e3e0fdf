"""`python -m tests.monitoring.pictures`: every panel of the dashboard with the series of a load test, into docs/plots.

Drawn by matplotlib from what a real Prometheus returned; it shows the queries at work, not Grafana.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from generate.monitoring.panels import SECTIONS, Panel, Query

from .prometheus_server import Prometheus
from .test_dashboard import shown
from .watched import Watched, watched

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "plots" / "dashboard.png"
STEPS = ((15.0, 0), (40.0, 1), (40.0, 10), (20.0, 0))
"""Seconds and clients: idle, one caller at a time, more than there is room for, idle."""

DOCUMENTS = 48
COLUMNS = 4
_UNITS = {"s": "seconds", "reqps": "per second", "percentunit": "share", "bytes": "bytes", "short": ""}


@click.command()
def draw() -> None:
    """Run the load test and draw what it left."""
    with tempfile.TemporaryDirectory() as folder, watched(Path(folder), max_queue_tokens=30_000) as running:
        start, end = _loaded(running)
        figure = _figure(running.prometheus, start, end)
    figure.savefig(PICTURE, dpi=90)
    click.echo(f"Written to {PICTURE}.")


def _loaded(running: Watched) -> tuple[float, float]:
    """Go through the steps; when they began and ended."""
    start = time.time()
    for seconds, clients in STEPS:
        if clients:
            running.load(seconds, clients, DOCUMENTS)
            running.rank(0)
        else:
            time.sleep(seconds)
    return start, time.time()


def _figure(prometheus: Prometheus, start: float, end: float) -> Figure:
    panels = [panel for section in SECTIONS for panel in section.panels]
    rows = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(4.2 * COLUMNS, 2.9 * rows), layout="constrained")
    grid = list(figure.subplots(rows, COLUMNS).flat)
    for axes, panel in zip(grid, panels, strict=False):
        _draw(axes, panel, prometheus, start, end)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    return figure


def _draw(axes: Axes, panel: Panel, prometheus: Prometheus, start: float, end: float) -> None:
    axes.set_title(panel.title, fontsize="medium")
    for query in panel.queries:
        for series in prometheus.query_range(shown(query.expression), start, end, 1):
            times = [float(at) - start for at, _ in series["values"]]
            axes.plot(times, [float(value) for _, value in series["values"]], label=_legend(query, series["metric"]))
    axes.set(xlim=(0, end - start), ylabel=_UNITS[panel.unit])
    low, high = axes.get_ylim()
    axes.set_ylim(min(0, low), max(0, high) * 1.05 or 1)
    axes.tick_params(labelsize="x-small")
    if axes.lines:
        axes.legend(fontsize="xx-small", loc="upper left")


def _legend(query: Query, labels: dict[str, str]) -> str:
    text = query.legend
    for name, value in labels.items():
        text = text.replace(f"{{{{{name}}}}}", value[:12])
    return text


if __name__ == "__main__":
    draw()
