"""An evaluation as a picture: measures with their intervals, and what each query gained or lost."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .query_comparison import Comparison
from .report import COLUMNS, EvaluationReport

_WIDTH_INCHES = 7.0
_ROW_INCHES = 2.6
_BETTER, _WORSE = "tab:green", "tab:red"


def save_picture(report: EvaluationReport, file: Path) -> None:
    """Draw a report, a row for each group.

    Args:
        report: What was found.
        file: Its ending chooses the format: .png, .svg, .pdf.
    """
    groups = list(dict.fromkeys(result.group for result in report.results))
    columns = 2 if report.comparisons else 1
    figure = Figure(figsize=(_WIDTH_INCHES * columns, _ROW_INCHES * len(groups) + 0.6), layout="constrained")
    grid = figure.subplots(len(groups), columns, squeeze=False)
    for row, group in zip(grid, groups, strict=True):
        _draw_measures(row[0], report, group)
        for comparison in report.comparisons:
            if comparison.group == group:
                _draw_queries(row[1], comparison)
    figure.savefig(file)


def _draw_measures(axes: Axes, report: EvaluationReport, group: str) -> None:
    results = [result for result in report.results if result.group == group]
    for place, result in enumerate(results):
        estimates = [result.intervals[name] for name in COLUMNS]
        means = [estimate.mean for estimate in estimates]
        below = [each.mean - (each.mean if each.low is None else each.low) for each in estimates]
        above = [(each.mean if each.high is None else each.high) - each.mean for each in estimates]
        offset = (place - (len(results) - 1) / 2) * 0.18
        # Rounding may leave an end of an interval on the mean's other side.
        errors = [[max(0.0, value) for value in side] for side in (below, above)]
        axes.errorbar(
            [column + offset for column in range(len(means))], means, errors, fmt="o", capsize=3, label=result.ranker
        )
    axes.set_xticks(range(len(COLUMNS)), list(COLUMNS.values()))
    axes.set_ylim(-0.02, 1.02)
    axes.set_title(f"{group}: {results[0].queries} queries, 95 % intervals", fontsize="medium")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize="small")


def _draw_queries(axes: Axes, comparison: Comparison) -> None:
    gains = [outcome.gain for outcome in comparison.queries]
    axes.bar(range(len(gains)), gains, width=1.0, color=[_BETTER if gain > 0 else _WORSE for gain in gains])
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xlabel("queries, by what they gained")
    axes.set_ylabel("nDCG@10 gained")
    axes.set_title(f"{comparison.better} better, {comparison.worse} worse", fontsize="medium")
