"""How a run went, as a picture: the loss, and nDCG@10 of the held-out queries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from .looks import METRIC


def save_curves(history: Sequence[dict[str, Any]], base_ndcg_at_10: float, file: Path) -> None:
    """Draw a run.

    Args:
        history: What the trainer logged.
        base_ndcg_at_10: Of the base, drawn as a line to beat.
        file: Its ending chooses the format.
    """
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    losses, looks = figure.subplots(1, 2)
    _draw(losses, history, "loss", "training loss")
    _draw(looks, history, f"eval_{METRIC}", "nDCG@10 of held-out queries")
    looks.axhline(base_ndcg_at_10, color="black", linestyle="--", linewidth=1, label="base")
    looks.legend()
    figure.savefig(file)


def _draw(axes: Any, history: Sequence[dict[str, Any]], name: str, title: str) -> None:
    points = [(entry["step"], entry[name]) for entry in history if name in entry]
    axes.plot([step for step, _ in points], [value for _, value in points], marker="o", markersize=3)
    axes.set_title(title, fontsize="medium")
    axes.set_xlabel("step")
    axes.grid(visible=True, alpha=0.3)
