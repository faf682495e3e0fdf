"""Recording rules: GPU metrics by the workload's pod, backlog and objectives of each release.

dcgm-exporter names the workload's pod in `pod`, and Prometheus renames that to `exported_pod` where it keeps the
exporter's own labels (`honorLabels: false`, the default of the exporter's chart). Both forms end in one series here.
"""

from __future__ import annotations

from typing import Any

from .placeholders import OWN, SLOW_SECONDS

WINDOWS = ("5m", "30m", "1h", "6h", "3d")
"""Of the ratios that the alerts compare in pairs."""

GPU_SERIES = {
    "bge_reranker_gpu_engine_active": ("bge_reranker:gpu_engine_active:avg1m", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", 1),
    "bge_reranker_gpu_utilization": ("bge_reranker:gpu_utilization:avg1m", "DCGM_FI_DEV_GPU_UTIL", 100),
}
"""By the name in the adapter: recorded series, the exporter's metric, and what it counts a whole GPU as."""

BACKLOG = "bge_reranker:backlog_seconds:avg"
TOKENS = "bge_reranker:saturation:ratio_rate5m"

_REQUESTS = "bge_reranker_http_requests_total"
_FAILED = 'status=~"5..|429"'
_LATENCY = "bge_reranker_request_seconds"
_BY = "by (namespace, reranker)"


def failed(window: str) -> str:
    """Name of the share of requests that failed."""
    return f"bge_reranker:requests_failed:ratio_rate{window}"


def slow(window: str) -> str:
    """Name of the share of requests that were slow."""
    return f"bge_reranker:requests_slow:ratio_rate{window}"


def recording_rules() -> list[dict[str, Any]]:
    """All of them, in the order in which they use each other."""
    rules = [_rule(name, gpu(metric, whole)) for name, metric, whole in GPU_SERIES.values()]
    rules.append(_rule(BACKLOG, f"avg {_BY} (bge_reranker_backlog_seconds{{{OWN}}})"))
    rules.append(
        _rule(
            TOKENS,
            f"sum {_BY} (rate(bge_reranker_tokens_total{{{OWN}}}[5m])) "
            f"/ sum {_BY} (bge_reranker_tokens_per_second{{{OWN}}})",
        )
    )
    for window in WINDOWS:
        rules += [_rule(failed(window), _failed_share(window)), _rule(slow(window), _slow_share(window))]
    return rules


def gpu(metric: str, whole: int) -> str:
    """Mean over a minute and over a pod's GPUs, from 0 to 1, of the release's own pods."""
    moved = f'avg_over_time({metric}{{exported_pod!=""}}[1m])'
    for label in ("pod", "namespace"):
        moved = f'label_replace({moved}, "{label}", "$1", "exported_{label}", "(.+)")'
    plain = f'avg_over_time({metric}{{exported_pod="",pod!=""}}[1m])'
    mean = f"avg by (namespace, pod) ({moved} or {plain})"
    own = f"max by (namespace, pod, reranker) (bge_reranker_ready{{{OWN}}}) * 0 + 1"
    return f"{mean} * on (namespace, pod) group_left (reranker) ({own})" + (f" / {whole}" if whole != 1 else "")


def _failed_share(window: str) -> str:
    """Of requests that a caller made: probes and strays have no dialect, unless they were refused for want of room."""
    every = f'sum {_BY} (rate({_REQUESTS}{{{OWN},dialect!="none"}}[{window}]))'
    refused = f'sum {_BY} (rate({_REQUESTS}{{{OWN},dialect="none",{_FAILED}}}[{window}]))'
    bad = f"sum {_BY} (rate({_REQUESTS}{{{OWN},{_FAILED}}}[{window}]))"
    return f"({bad} or 0 * {every}) / (({every} + {refused} or {every}) > 0)"


def _slow_share(window: str) -> str:
    fast = f'sum {_BY} (rate({_LATENCY}_bucket{{{OWN},le="{SLOW_SECONDS}"}}[{window}]))'
    return f"1 - {fast} / (sum {_BY} (rate({_LATENCY}_count{{{OWN}}}[{window}])) > 0)"


def _rule(name: str, expression: str) -> dict[str, Any]:
    return {"record": name, "expr": expression}
