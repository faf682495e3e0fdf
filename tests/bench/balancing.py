"""What a balancer that knows the backlog, and dividing large requests, would gain: simulated and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from bge_reranker.planning.balancing import Balancer
from bge_reranker.planning.capacity import ReplicaCapacity
from bge_reranker.planning.simulation import Setup, poisson, serve
from bge_reranker.planning.sizes import RequestSizes

SMALL, LARGE = 20, 1_000
_LARGE_SHARE = 0.05
_PAIR_TOKENS = 200
_REPLICAS = 8
_LOADS = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9)
_REQUESTS = 6_000
_CAPACITY = ReplicaCapacity(400_000.0, batch_s=0.004, request_s=0.003)
_WAYS: dict[str, tuple[Balancer, int]] = {
    "connections": ("connections", 0),
    "requests in turn": ("round-robin", 0),
    "least backlog": ("backlog", 0),
    "connections, large ones divided": ("connections", SMALL),
    "least backlog, large ones divided": ("backlog", SMALL),
}
_DOCS = Path(__file__).resolve().parents[2] / "docs"


def measure_balancing(console: Console) -> dict[str, Any]:
    """Simulate each way at each load; the figures and the picture go into the documentation.

    Args:
        console: Where the result is shown.
    """
    sizes = RequestSizes(
        lambda chance: [_PAIR_TOKENS] * (LARGE if chance.random() < _LARGE_SHARE else SMALL),
    )
    full = _REPLICAS * _CAPACITY.tokens_per_second / sizes.mean_tokens()
    found: dict[str, Any] = {}
    for name, (balancer, spread) in _WAYS.items():
        console.print(f"Balancing: {name} ...")
        setup = Setup(_CAPACITY, _REPLICAS, balancer, spread)
        found[name] = []
        for load in _LOADS:
            served = serve(setup, poisson(sizes, load * full, _REQUESTS, 1))
            p95 = {f"p95_ms_{documents}": served.percentile_ms(95, documents) for documents in (SMALL, LARGE)}
            found[name].append({"load": load, **p95, "answered_share": served.answered_share})
    _print(console, found)
    report = {"replicas": _REPLICAS, "tokens_per_second": _CAPACITY.tokens_per_second, "ways": found}
    (_DOCS / "measurements" / "balancing.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    _draw(found, _DOCS / "plots" / "balancing.svg")
    return report


def _print(console: Console, found: dict[str, Any]) -> None:
    table = Table("p95 ms, 20 / 1,000 documents", *(f"{load:.0%}" for load in _LOADS))
    for name, rows in found.items():
        table.add_row(name, *(f"{row[f'p95_ms_{SMALL}']:.0f} / {row[f'p95_ms_{LARGE}']:.0f}" for row in rows))
    console.print(table)


def _draw(found: dict[str, Any], file: Path) -> None:
    # The same figures make the same file.
    mpl.rcParams["svg.hashsalt"] = "balancing"
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    for axes, documents in zip(figure.subplots(1, 2), (SMALL, LARGE), strict=True):
        for name, rows in found.items():
            loads = [100 * row["load"] for row in rows]
            axes.plot(loads, [row[f"p95_ms_{documents}"] for row in rows], marker="o", label=name)
        axes.set(
            title=f"requests of {documents:,} documents", xlabel="load, % of capacity", ylabel="p95 in ms", yscale="log"
        )
        axes.grid(visible=True, alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    figure.savefig(file, metadata={"Date": None})
