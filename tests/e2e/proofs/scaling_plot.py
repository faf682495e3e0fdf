"""A picture of load steps: replicas, backlog and latency over time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_ROWS = (("replicas", "ready replicas"), ("backlog_s", "backlog, s"), ("p95_s", "p95, s"))
_WIDTH, _HEIGHT = 3.6, 6.5


def draw(path: Path, steps: Mapping[str, Mapping[str, Any]]) -> None:
    """A column for each step, with a line where the autoscaler decided.

    Args:
        path: Of the picture.
        steps: What `up_and_down` found, by title.
    """
    mpl.rcParams["svg.hashsalt"] = path.stem
    figure = Figure(figsize=(_WIDTH * max(1, len(steps)), _HEIGHT), layout="constrained")
    grid = figure.subplots(len(_ROWS), max(1, len(steps)), squeeze=False, sharex="col")
    for column, (title, step) in enumerate(steps.items()):
        grid[0][column].set_title(title)
        for row, (key, label) in enumerate(_ROWS):
            axes = grid[row][column]
            draw_line = axes.step if key == "replicas" else axes.plot
            draw_line(*zip(*step["series"][key], strict=True))
            axes.axvline(step["decided_after_s"], color="grey", linewidth=0.8, linestyle=":")
            axes.set(ylabel=label if column == 0 else "", ylim=(0, None))
        grid[-1][column].set_xlabel("seconds since the load began")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
