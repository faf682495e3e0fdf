"""What the dashboard shows: sections of panels, each with its queries and a sentence on how to read it."""

from __future__ import annotations

from dataclasses import dataclass

from .placeholders import OWN, WINDOW

OPERATED = 'reranker_namespace=~"$namespace",reranker=~"$reranker"'
"""The operator's series of the Rerankers that are shown: its own namespace is another."""


@dataclass(frozen=True)
class Query:
    """One line or group of lines.

    Attributes:
        expression: In PromQL.
        legend: As Grafana writes it, labels in double braces.
    """

    expression: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One graph.

    Attributes:
        unit: Grafana's name of the unit.
        description: How to read it, and what is wrong if it looks otherwise.
    """

    title: str
    unit: str
    description: str
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Section:
    """A row of panels."""

    title: str
    panels: tuple[Panel, ...]


def _rate(name: str, by: str = "", also: str = "") -> str:
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} (rate({name}{{{OWN}{also}}}[{WINDOW}]))"


def _named(callers: str) -> str:
    """Series by caller, of which whoever shows no key has no name."""
    return f'label_replace({callers}, "caller", "anonymous", "caller", "")'


def _mean(name: str) -> str:
    return f"{_rate(f'{name}_sum')} / ({_rate(f'{name}_count')} > 0)"


def _compared(figure: str) -> str:
    """The mean over all replicas, each with the weight of its comparisons."""
    name, weight = f"bge_reranker_shadow_{figure}{{{OWN}}}", f"bge_reranker_shadow_comparisons{{{OWN}}}"
    return f"sum({name} * {weight}) / clamp_min(sum({weight}), 1)"


def _quantile(share: float, name: str) -> str:
    return f"histogram_quantile({share}, {_rate(f'{name}_bucket', 'le')})"


SECTIONS = (
    Section(
        "Traffic",
        (
            Panel(
                "Requests",
                "reqps",
                "Answered requests a second, by the dialect of the caller.",
                (
                    Query(
                        _rate("bge_reranker_http_requests_total", "dialect", ',dialect!="none"') + " > 0", "{{dialect}}"
                    ),
                ),
            ),
            Panel(
                "Documents",
                "short",
                "Documents a second that callers asked for, and that were scored; the rest was refused or dropped.",
                (
                    Query(_rate("bge_reranker_pairs_requested_total"), "asked"),
                    Query(_rate("bge_reranker_pairs_total"), "scored"),
                ),
            ),
            Panel(
                "Errors",
                "reqps",
                "Errors a second by code; docs/troubleshooting.md explains each code.",
                (Query(_rate("bge_reranker_errors_total", "code") + " > 0", "{{code}}"),),
            ),
            Panel(
                "Rejections",
                "reqps",
                "Requests a second that were refused for want of capacity, by code. Add replicas if it lasts.",
                (Query(_rate("bge_reranker_rejections_total", "code"), "{{code}}"),),
            ),
        ),
    ),
    Section(
        "Latency",
        (
            Panel(
                "Latency of requests",
                "s",
                "Whole requests, as the server sees them.",
                tuple(
                    Query(_quantile(share, "bge_reranker_request_seconds"), f"p{share:.0%}"[:-1])
                    for share in (0.5, 0.95, 0.99)
                ),
            ),
            Panel(
                "Where the time goes",
                "s",
                "Mean of each part. A queue longer than the computation wants more replicas; tokenising wants CPUs.",
                (
                    Query(_mean("bge_reranker_tokenise_seconds"), "tokenise"),
                    Query(_mean("bge_reranker_queue_seconds"), "queue"),
                    Query(_mean("bge_reranker_compute_seconds"), "compute"),
                ),
            ),
            Panel(
                "Waiting in the queue",
                "s",
                "Time until the last pair of a request began.",
                tuple(
                    Query(_quantile(share, "bge_reranker_queue_seconds"), f"p{share:.0%}"[:-1]) for share in (0.5, 0.95)
                ),
            ),
            Panel(
                "Lateness of the event loop",
                "s",
                "How late timers ran. Above 50 ms something blocks the loop, or the pod has too few CPUs.",
                (Query(_quantile(0.99, "bge_reranker_event_loop_lag_seconds"), "p99"),),
            ),
        ),
    ),
    Section(
        "Load and capacity",
        (
            Panel(
                "Backlog",
                "s",
                "Seconds of work that wait in each replica: what the autoscaler follows.",
                (Query(f"max by (pod) (bge_reranker_backlog_seconds{{{OWN}}})", "{{pod}}"),),
            ),
            Panel(
                "Saturation",
                "percentunit",
                "Tokens a second over what the replicas measured of themselves. Near 1 the queue grows.",
                (
                    Query(
                        f"{_rate('bge_reranker_tokens_total')} / sum(bge_reranker_tokens_per_second{{{OWN}}})",
                        "of all replicas",
                    ),
                ),
            ),
            Panel(
                "Tokens",
                "short",
                "Tokens a second that were computed, and what the replicas can do together.",
                (
                    Query(_rate("bge_reranker_tokens_total", "pod"), "{{pod}}"),
                    Query(f"sum(bge_reranker_tokens_per_second{{{OWN}}})", "capacity"),
                ),
            ),
            Panel(
                "Fill of batches",
                "percentunit",
                "Tokens of a batch over its budget. Full ones and a backlog: add replicas. Empty: fewer would do.",
                (Query(_mean("bge_reranker_batch_fill_ratio"), "mean"),),
            ),
            Panel(
                "Batches",
                "short",
                "Batches a second by outcome; anything but ok is worth a look into the log.",
                (Query(_rate("bge_reranker_batches_total", "outcome"), "{{outcome}}"),),
            ),
            Panel(
                "Requests in flight",
                "short",
                "Requests that are being answered, by replica; uneven means that callers keep their connections.",
                (Query(f"max by (pod) (bge_reranker_requests_in_flight{{{OWN}}})", "{{pod}}"),),
            ),
        ),
    ),
    Section(
        "Callers and known scores",
        (
            Panel(
                "Waiting by priority",
                "short",
                "Tokens that wait for a batch: urgent is below 0, background above.",
                (Query(f"sum by (priority) (bge_reranker_waiting_tokens{{{OWN}}})", "{{priority}}"),),
            ),
            Panel(
                "Tokens by caller",
                "short",
                "Tokens a second of answered requests, known scores included, of the ten callers with most.",
                (Query(f"topk(10, {_named(_rate('bge_reranker_caller_tokens_total', 'caller'))})", "{{caller}}"),),
            ),
            Panel(
                "Where scores come from",
                "short",
                "Documents a second: computed, or known to this process, to Redis, to a request under way.",
                (Query(_rate("bge_reranker_scores_total", "source") + " > 0", "{{source}}"),),
            ),
            Panel(
                "Redis",
                "short",
                "Operations a second by who asked and how they ended, and replicas that leave Redis alone.",
                (
                    Query(
                        _rate("bge_reranker_redis_operations_total", "part, outcome") + " > 0", "{{part}} {{outcome}}"
                    ),
                    Query(f"sum(bge_reranker_redis_breaker_open{{{OWN}}})", "left alone"),
                ),
            ),
        ),
    ),
    Section(
        "GPU and machine",
        (
            Panel(
                "GPU, engine active",
                "percentunit",
                "Share of time in which the GPU computed, by dcgm-exporter; a batching server looks busy early.",
                (Query(f"max by (pod) (bge_reranker:gpu_engine_active:avg1m{{{OWN}}})", "{{pod}}"),),
            ),
            Panel(
                "GPU, utilization",
                "percentunit",
                "Share of time with at least one kernel; not there for slices of a GPU.",
                (Query(f"max by (pod) (bge_reranker:gpu_utilization:avg1m{{{OWN}}})", "{{pod}}"),),
            ),
            Panel(
                "GPU, memory",
                "percentunit",
                "Memory of the GPU in use, by any process: flat for a server that keeps what it has.",
                (
                    Query(
                        f"max by (pod, gpu) (bge_reranker_gpu_memory_used_bytes{{{OWN}}} "
                        f"/ bge_reranker_gpu_memory_size_bytes{{{OWN}}})",
                        "{{pod}} {{gpu}}",
                    ),
                ),
            ),
            Panel(
                "GPU, throttled",
                "short",
                "1 while the clock of the GPU is held down, by reason: heat and power slow all requests.",
                (Query(f"max by (pod, reason) (bge_reranker_gpu_throttled{{{OWN}}})", "{{pod}} {{reason}}"),),
            ),
            Panel(
                "CPU",
                "short",
                "CPUs that each replica uses.",
                (Query(_rate("process_cpu_seconds_total", "pod"), "{{pod}}"),),
            ),
            Panel(
                "Memory",
                "bytes",
                "Resident memory of each replica.",
                (Query(f"max by (pod) (process_resident_memory_bytes{{{OWN}}})", "{{pod}}"),),
            ),
        ),
    ),
    Section(
        "Versions and rollouts",
        (
            Panel(
                "Replicas by version",
                "short",
                "Pods by what they serve: two lines during a rollout, one otherwise.",
                (
                    Query(
                        f"count by (model, digest, precision, device) (bge_reranker_model_info{{{OWN}}} == 1)",
                        "{{model}} {{digest}} {{precision}} {{device}}",
                    ),
                ),
            ),
            Panel(
                "Ready replicas",
                "short",
                "Pods that take requests, and pods that are scraped.",
                (
                    Query(f"sum(bge_reranker_ready{{{OWN}}})", "ready"),
                    Query(f"count(bge_reranker_ready{{{OWN}}})", "scraped"),
                ),
            ),
            Panel(
                "Conditions",
                "short",
                "Of the Reranker, where the operator runs it: 1 is True, 0 False, -1 Unknown.",
                (
                    Query(
                        f"max by (reranker, type) (bge_reranker_operator_condition{{{OPERATED}}})",
                        "{{reranker}} {{type}}",
                    ),
                ),
            ),
            Panel(
                "Rerankers by state",
                "short",
                "All that the operator has, by the reason of their Ready condition.",
                (Query("sum by (state) (bge_reranker_operator_resources)", "{{state}}"),),
            ),
        ),
    ),
    Section(
        "Shadow",
        (
            Panel(
                "Agreement of the shadow",
                "short",
                "Another version beside the served one, on a sample of requests: Kendall's tau of the orders, share "
                "of the first ten results, mean distance of scores. All 0 before the first comparison.",
                (
                    Query(_compared("kendall_tau"), "Kendall tau"),
                    Query(_compared("overlap_at_10"), "overlap at 10"),
                    Query(_compared("score_drift"), "score drift"),
                ),
            ),
            Panel(
                "Samples",
                "reqps",
                "What became of sampled requests; dropped, unanswered and refused ones cost nobody anything.",
                (Query(_rate("bge_reranker_shadow_samples_total", "outcome"), "{{outcome}}"),),
            ),
            Panel(
                "Latency of both versions, p95",
                "s",
                "Of the requests that were compared; the shadow answers one at a time, without anybody beside it.",
                (
                    Query(
                        "histogram_quantile(0.95, "
                        f"{_rate('bge_reranker_shadow_request_seconds_bucket', 'le, version')})",
                        "{{version}}",
                    ),
                ),
            ),
        ),
    ),
)
