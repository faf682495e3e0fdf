"""Rules of prometheus-adapter, as values of its chart that a platform team merges into its own.

A series that is older than a minute is none: Prometheus would repeat its last value for five minutes, and an autoscaler
would act on it.
"""

from __future__ import annotations

from typing import Any

from .recording import GPU_SERIES

BACKLOG_METRIC = "bge_reranker_backlog_seconds"

STALE_S = 60
"""Age from which on a value does not count."""


def adapter_rules() -> list[dict[str, Any]]:
    """Of what an autoscaler can follow: the backlog, and what the recording rules make of dcgm-exporter."""
    recorded = {name: series for name, (series, _, _) in GPU_SERIES.items()}
    return [_rule(name, series) for name, series in {BACKLOG_METRIC: BACKLOG_METRIC, **recorded}.items()]


def adapter_values() -> dict[str, Any]:
    """Values of the chart prometheus-community/prometheus-adapter."""
    return {"rules": {"custom": adapter_rules()}}


def _rule(name: str, series: str) -> dict[str, Any]:
    asked = "<<.Series>>{<<.LabelMatchers>>}"
    return {
        "seriesQuery": f'{{__name__="{series}",namespace!="",pod!=""}}',
        "resources": {"overrides": {label: {"resource": label} for label in ("namespace", "pod")}},
        "name": {"as": name},
        "metricsQuery": f"max by (<<.GroupBy>>) ({asked} and time() - timestamp({asked}) < {STALE_S})",
    }
