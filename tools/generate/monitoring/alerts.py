"""Alerts: what pages somebody, what can wait until the morning, and where the runbook explains each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .placeholders import BACKLOG_SECONDS, ERROR_BUDGET, NAMESPACE, OWN, RELEASE, RUNBOOK, SLOW_BUDGET, SLOW_SECONDS
from .recording import BACKLOG, failed, slow

PAGE, TICKET = "critical", "warning"
"""Values of the label `severity`."""

_NAME = "{{ $labels.namespace }}/{{ $labels.reranker }}"
_OPERATED_NAME = "{{ $labels.reranker_namespace }}/{{ $labels.reranker }}"
_POD = "{{ $labels.pod }}"
_PERCENT = "{{ $value | humanizePercentage }}"
"""What Prometheus fills in."""

_BY = "sum by (namespace, reranker)"
_OPERATED = f'reranker_namespace="{NAMESPACE}",reranker="{RELEASE}"'


@dataclass(frozen=True)
class Alert:
    """One alert.

    Attributes:
        expression: True while it is to fire, in PromQL.
        lasting: How long it must hold before anybody is told.
        summary: One line, in the pager.
        description: What it means; the runbook says what to do.
    """

    name: str
    expression: str
    lasting: str
    severity: str
    summary: str
    description: str

    def as_rule(self) -> dict[str, Any]:
        """As Prometheus has it."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.lasting,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOK}#{self.name.lower()}",
            },
        }


def _burn(ratio: Any, budget: str, *pairs: tuple[str, str, str]) -> str:
    """Both windows spend the budget that much too fast: the long one says it matters, the short one that it goes on.

    Source: Google, The Site Reliability Workbook, chapter 5, table 5-8.
    """
    parts = [
        f"({ratio(long)}{{{OWN}}} > {factor} * {budget} and {ratio(short)}{{{OWN}}} > {factor} * {budget})"
        for long, short, factor in pairs
    ]
    return " or ".join(parts)


_FAST = (("1h", "5m", "14.4"), ("6h", "30m", "6"))
_SLOW = (("3d", "6h", "1"),)

ALERTS = (
    Alert(
        "RerankerErrorBudgetBurnsFast",
        _burn(failed, ERROR_BUDGET, *_FAST),
        "2m",
        PAGE,
        f"{_NAME} fails {_PERCENT} of its requests",
        "At this rate the error budget of a month is spent within days. Failed are 5xx and 429.",
    ),
    Alert(
        "RerankerErrorBudgetBurnsSlowly",
        _burn(failed, ERROR_BUDGET, *_SLOW),
        "1h",
        TICKET,
        f"{_NAME} fails more requests than its objective allows",
        "Over three days more requests failed than the error budget has for them.",
    ),
    Alert(
        "RerankerLatencyBudgetBurnsFast",
        _burn(slow, SLOW_BUDGET, *_FAST),
        "2m",
        PAGE,
        f"{_PERCENT} of the requests to {_NAME} take longer than {SLOW_SECONDS} s",
        "At this rate the latency budget of a month is spent within days.",
    ),
    Alert(
        "RerankerLatencyBudgetBurnsSlowly",
        _burn(slow, SLOW_BUDGET, *_SLOW),
        "1h",
        TICKET,
        f"{_NAME} is slow more often than its objective allows",
        "Over three days more requests were slow than the latency budget has for them.",
    ),
    Alert(
        "RerankerBacklogGrows",
        f"{BACKLOG}{{{OWN}}} > {BACKLOG_SECONDS} and deriv({BACKLOG}{{{OWN}}}[10m]) > 0",
        "5m",
        TICKET,
        f"The backlog of {_NAME} is {{{{ $value | humanizeDuration }}}} and grows",
        "More work arrives than the replicas do, and the autoscaler does not keep up or there is none.",
    ),
    Alert(
        "RerankerRejects",
        f"{_BY} (rate(bge_reranker_rejections_total{{{OWN}}}[5m])) "
        f'/ ({_BY} (rate(bge_reranker_http_requests_total{{{OWN},dialect!="none"}}[5m])) > 0) > 0.01',
        "5m",
        TICKET,
        f"{_NAME} refuses {_PERCENT} of its requests",
        "The queue is full, or deadlines are too short for it.",
    ),
    Alert(
        "RerankerNonFiniteScores",
        "sum by (namespace, reranker, pod) "
        f'(increase(bge_reranker_errors_total{{{OWN},code="NonFiniteScore"}}[10m])) > 0',
        "0m",
        PAGE,
        f"{_POD} of {_NAME} computes scores that are no numbers",
        "A document that scores NaN or infinity gets an error. More than a few mean a broken model or device.",
    ),
    Alert(
        "RerankerVersionRolledBack",
        "count by (reranker_namespace, reranker) "
        f'(bge_reranker_operator_condition{{{_OPERATED},reason="RolledBack"}}) > 0',
        "0m",
        TICKET,
        f"{_OPERATED_NAME} went back to its former version",
        "A new version of the model was refused or did not become ready; the former one serves.",
    ),
    Alert(
        "RerankerWorkerDead",
        f"bge_reranker_live{{{OWN}}} == 0 or changes(process_start_time_seconds{{{OWN}}}[15m]) >= 2",
        "1m",
        PAGE,
        f"{_POD} of {_NAME} computes nothing, or starts over and over",
        "Its worker has died or hangs, or its container was started at least three times in a quarter of an hour.",
    ),
    Alert(
        "RerankerNotReady",
        f"sum by (namespace, reranker) (bge_reranker_ready{{{OWN}}}) == 0",
        "5m",
        PAGE,
        f"No replica of {_NAME} is ready",
        "Callers get errors. During the first start of a large model this is as it should be.",
    ),
    Alert(
        "RerankerMetricsBroken",
        f"up{{{OWN}}} == 0 or absent(bge_reranker_ready{{{OWN}}})",
        "5m",
        TICKET,
        f"Prometheus gets no metrics of {_NAME} {_POD}",
        "Nothing else can alert while this does, and an autoscaler sees no load.",
    ),
    Alert(
        "RerankerAutoscalerBlind",
        "max by (reranker_namespace, reranker) "
        f'(bge_reranker_operator_condition{{{_OPERATED},type="MetricsHealthy"}}) == 0',
        "5m",
        TICKET,
        f"The autoscaler of {_OPERATED_NAME} cannot read its metrics",
        "The count of replicas stays as it is, whatever the load. The condition MetricsHealthy names the broken link.",
    ),
    Alert(
        "RerankerShadowNotCompared",
        f'{_BY} (increase(bge_reranker_shadow_samples_total{{{OWN},outcome!="compared"}}[15m])) > 0 '
        f'unless {_BY} (increase(bge_reranker_shadow_samples_total{{{OWN},outcome="compared"}}[15m])) > 0',
        "5m",
        TICKET,
        f"No request to {_NAME} could be compared with its shadow",
        "Callers notice nothing. The label outcome of bge_reranker_shadow_samples_total has the reason.",
    ),
)
