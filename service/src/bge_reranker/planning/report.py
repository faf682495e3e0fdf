"""A plan as a table, as JSON, and as a picture."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .capacity import ReplicaCapacity
from .fleet import FleetPlan
from .simulation import Served
from .sizing import Demand

HOURS_PER_MONTH = 730


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What was found.

    Attributes:
        demand: The load and the objective.
        capacity: Of each replica.
        replicas: How many.
        served: What they give.
        keeps: Whether they keep the objective.
        drivers: Changes, and the number of replicas with each.
        fleet: With failures and rollouts.
        replica_price: Of a replica and hour, in any currency.
    """

    demand: Demand
    capacity: ReplicaCapacity
    replicas: int
    served: Served
    keeps: bool
    drivers: Sequence[tuple[str, int | None]] = ()
    fleet: FleetPlan | None = None
    replica_price: float | None = None

    @property
    def paid_replicas(self) -> int:
        """That have to be there."""
        if self.fleet is None:
            return self.replicas
        return (self.fleet.zone_replicas or self.fleet.replicas) + self.fleet.surge_replicas

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON values."""
        served, capacity = self.served, self.capacity
        whole: dict[str, Any] = {
            "replicas": self.replicas,
            "gpus": self.replicas * capacity.gpus,
            "keeps_objective": self.keeps,
            "requests_per_second": self.demand.rate,
            "tokens_per_request": round(self.demand.sizes.mean_tokens(), 1),
            "p95_objective_ms": self.demand.p95_ms,
            "balancer": self.demand.balancer,
            **{f"p{percent}_ms": served.percentile_ms(percent) for percent in (50, 95, 99)},
            "answered_share": served.answered_share,
            "busy_share": served.busy,
            "capacity": {
                "tokens_per_second": capacity.tokens_per_second,
                "batch_ms": capacity.batch_s * 1000,
                "request_ms": capacity.request_s * 1000,
                "source": capacity.source,
                "doubts": list(capacity.doubts),
            },
            "drivers": [{"change": name, "replicas": number} for name, number in self.drivers],
            "fleet": None if self.fleet is None else asdict(self.fleet),
            "cost": self._cost(),
        }
        return dict(_finite(whole))

    def _cost(self) -> dict[str, float] | None:
        if self.replica_price is None:
            return None
        hour = self.paid_replicas * self.replica_price
        return {"per_month": hour * HOURS_PER_MONTH, "per_million_requests": hour / (self.demand.rate * 3600) * 1e6}

    def print(self, console: Console) -> None:
        """Show the table."""
        table = Table(box=None, show_header=False, pad_edge=False)
        for name, value in self._rows():
            table.add_row(name, value)
        console.print(table)
        if self.drivers:
            changes = Table("what changes", "replicas", box=None, pad_edge=False, header_style="bold")
            for name, number in self.drivers:
                changes.add_row(name, "none suffices" if number is None else str(number))
            console.print("", changes, sep="\n")
        for doubt in self.capacity.doubts:
            console.print(doubt, highlight=False)

    def _rows(self) -> Sequence[tuple[str, str]]:
        demand, capacity, served = self.demand, self.capacity, self.served
        tokens, gpus = demand.sizes.mean_tokens(), self.replicas * capacity.gpus
        objective = "none" if demand.p95_ms is None else f"p95 {demand.p95_ms:g} ms"
        rows = [
            (
                "load",
                f"{demand.rate:g} requests/s of {tokens:,.0f} tokens on average: {demand.rate * tokens:,.0f} tokens/s",
            ),
            ("one replica", f"{capacity.tokens_per_second:,.0f} tokens/s ({capacity.source})"),
            ("objective", objective if self.keeps else f"{objective}: not kept"),
            ("replicas", f"{self.replicas}" + (f", {gpus} GPUs" if gpus else ", on CPUs")),
            ("latency", ", ".join(f"p{each} {_shown(served.percentile_ms(each))} ms" for each in (50, 95, 99))),
            ("busy", f"{served.busy:.0%} of the time; {served.answered_share:.2%} of the requests are answered"),
            ("compute", f"{1000 * tokens / capacity.tokens_per_second:,.0f} replica-seconds for 1,000 requests"),
        ]
        if self.fleet is not None:
            rows += _fleet_rows(self.fleet)
        if (cost := self._cost()) is not None:
            rows.append(
                ("cost", f"{cost['per_month']:,.0f} a month, {cost['per_million_requests']:,.2f} a million requests")
            )
        return rows


def save_json(report: PlanReport, file: Path) -> None:
    """Write all figures."""
    file.write_text(json.dumps(report.as_json(), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def save_picture(report: PlanReport, curve: Mapping[float, Served], file: Path) -> None:
    """Draw latency against load, with the objective.

    Args:
        report: The plan.
        curve: What its replicas give at other loads, by requests per second.
        file: Its ending chooses the format: .png, .svg, .pdf.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, and only for a picture

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for percent in (50, 95, 99):
        latencies = [served.percentile_ms(percent) for served in curve.values()]
        axes.plot(list(curve), latencies, marker="o", label=f"p{percent}")
    if report.demand.p95_ms is not None:
        axes.axhline(report.demand.p95_ms, color="black", linestyle="--", linewidth=1, label="objective of p95")
    axes.axvline(report.demand.rate, color="grey", linewidth=1)
    axes.set(
        title=f"{report.replicas} replicas, simulated",
        xlabel="requests per second",
        ylabel="latency in ms",
        yscale="log",
    )
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(file)


def _fleet_rows(fleet: FleetPlan) -> list[tuple[str, str]]:
    p50, p95, p99 = map(_shown, fleet.percentiles_ms)
    zone = "" if fleet.zone_replicas is None else f", {fleet.zone_replicas} to do without one zone"
    surge = f", {fleet.surge_replicas} further replicas meanwhile" if fleet.surge_replicas else ""
    return [
        ("fleet", f"{fleet.replicas} replicas ({fleet.calm_replicas} if none ever failed){zone}; {fleet.nodes} nodes"),
        ("", f"{fleet.failures_per_week:.1f} nodes fail a week, {fleet.missing:.1f} replicas are missing on average"),
        ("", f"the objective is kept {fleet.share:.4%} of the time; p50 {p50}, p95 {p95}, p99 {p99} ms over all of it"),
        ("", f"{fleet.lost_share:.2e} of the requests meet a node that has just failed"),
        ("", f"a rollout takes {fleet.rollout_s / 3600:.1f} h{surge}"),
    ]


def _shown(milliseconds: float) -> str:
    return f"{milliseconds:,.0f}" if math.isfinite(milliseconds) else "-"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
