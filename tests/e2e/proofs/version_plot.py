"""A picture of one change: requests by the version that answered, the state, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 9.0, 4.0
_TICK_S = 1.0


def draw(
    path: Path, outcomes: Sequence[Mapping[str, Any]], states: Sequence[tuple[float, str]], names: Mapping[str, str]
) -> None:
    """Draw requests a second by version, the state above them, and each request that failed.

    Args:
        path: Of the picture.
        outcomes: Of the load, with digest and time.
        states: Time and what the column STATE said.
        names: Of versions by digest.
    """
    mpl.rcParams["svg.hashsalt"] = path.stem
    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    axes = figure.subplots()
    _requests(axes, outcomes, names)
    _states(axes, states)
    failed = [each["at_s"] for each in outcomes if each["failure"] is not None]
    axes.plot(failed, [0] * len(failed), "rx", label=f"failed: {len(failed)}")
    axes.set(xlabel="seconds", ylabel="requests a second", ylim=(0, None))
    figure.legend(loc="outside right upper", fontsize="x-small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def _requests(axes: Axes, outcomes: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> None:
    last = int(max(each["at_s"] for each in outcomes)) + 1
    seconds = [number * _TICK_S for number in range(last)]
    below = [0.0] * last
    for digest, name in names.items():
        counts = [0.0] * last
        for each in outcomes:
            if each.get("digest") == digest:
                counts[int(each["at_s"] / _TICK_S)] += 1 / _TICK_S
        axes.bar(seconds, counts, width=_TICK_S, align="edge", bottom=below, label=f"{name} ({digest[:8]})")
        below = [one + other for one, other in zip(below, counts, strict=True)]


def _states(axes: Axes, states: Sequence[tuple[float, str]]) -> None:
    """A line and a word at each turn."""
    before = ""
    for at_s, state in states:
        word = state.partition(" ")[0]
        if word != before:
            axes.axvline(at_s, color="grey", linestyle="--", linewidth=0.8)
            axes.text(at_s, 1.01, word, transform=axes.get_xaxis_transform(), fontsize="x-small", rotation=20)
        before = word
