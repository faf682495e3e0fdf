"""A picture of one change: requests by the version that answered, failures, and the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 9.0, 3.6
_TICK_S = 1.0
_COLOURS = {"AllReplicasReady": "#7fc97f", "Fetching": "#beaed4", "Verifying": "#fdc086", "RollingOut": "#ffe066"}
_OTHER_COLOUR = "#bbbbbb"

States = Sequence[tuple[float, str]]
"""When the column STATE was looked at, and what it said."""


def draw(path: Path, outcomes: Sequence[Mapping[str, Any]], states: States, names: Mapping[str, str]) -> None:
    """Draw requests a second by version with each that failed, and below them the state.

    Args:
        path: Of the picture.
        outcomes: Of the load, with digest and time.
        states: In order.
        names: Of versions by digest.
    """
    mpl.rcParams["svg.hashsalt"] = path.stem
    figure = Figure(figsize=(_WIDTH, _HEIGHT))
    above, below = figure.subplots(2, sharex=True, height_ratios=(5, 1))
    figure.subplots_adjust(left=0.07, right=0.78, bottom=0.14, top=0.96, hspace=0.1)
    _requests(above, outcomes, names)
    failed = [each["at_s"] for each in outcomes if each["failure"] is not None]
    above.plot(failed, [0] * len(failed), "rx", label=f"failed: {len(failed)}", clip_on=False)
    above.set(ylabel="requests a second", ylim=(0, None))
    _states(below, states)
    below.set(xlabel="seconds", yticks=(), xlim=(0, max(each["at_s"] for each in outcomes)))
    figure.legend(loc="center right", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def _requests(axes: Axes, outcomes: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> None:
    # The last second is not over.
    last = int(max(each["at_s"] for each in outcomes) / _TICK_S)
    edges = [number * _TICK_S for number in range(last + 1)]
    below = [0.0] * last
    for digest, name in names.items():
        counts = [0.0] * last
        for each in outcomes:
            tick = int(each["at_s"] / _TICK_S)
            if each.get("digest") == digest and tick < last:
                counts[tick] += 1 / _TICK_S
        top = [one + other for one, other in zip(below, counts, strict=True)]
        axes.stairs(top, edges, baseline=below, fill=True, label=f"{name} ({digest[:8]})")
        below = top


def _states(axes: Axes, states: States) -> None:
    """A bar for each state from the moment when it was seen first until the next one was."""
    words = [(at_s, state.partition(" ")[0]) for at_s, state in states]
    turns = [(word, next(group)[0]) for word, group in groupby(words, key=lambda each: each[1])]
    ends = [*(at_s for _, at_s in turns[1:]), states[-1][0]]
    for word in dict.fromkeys(word for word, _ in turns):
        spans = [(at_s, end - at_s) for (each, at_s), end in zip(turns, ends, strict=True) if each == word]
        axes.broken_barh(spans, (0, 1), color=_COLOURS.get(word, _OTHER_COLOUR), label=word)
