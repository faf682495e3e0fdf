"""Whether an autoscaler can read what it scales on, and which link of the chain is broken. Pure.

The autoscalers themselves say so, in words that are matched here; of what is not known their own reason is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import ended

Status = Mapping[str, Any]


class Health(NamedTuple):
    """Status, reason and message of MetricsHealthy."""

    status: str
    reason: str
    message: str


@dataclass(frozen=True)
class Link:
    """One link of the chain from a pod to the autoscaler.

    Attributes:
        reason: Of the condition while it is broken.
        pattern: What an autoscaler says then.
        remedy: What to do.
    """

    reason: str
    pattern: str
    remedy: str


LINKS = (
    Link(
        "TwoAutoscalers",
        "controlled by multiple HPAs|already managed by|workload .* is already",
        "Delete the other autoscaler: two on the same pods undo each other, so neither acts.",
    ),
    Link(
        "AdapterMissing",
        r"no (custom|external) metrics API|could not find the requested resource \(get .*metrics\.k8s\.io\)",
        "Install what serves this API: prometheus-adapter for metrics of pods, metrics-server for CPU time.",
    ),
    Link(
        "AdapterUnavailable",
        "currently unable to handle the request|no endpoints available|connection refused|i/o timeout|TLS handshake",
        "Look at the pods of the metrics adapter, and at `kubectl get apiservice`.",
    ),
    Link(
        "PrometheusUnavailable",
        "Internal error occurred: unable to (fetch|list) metrics",
        "The adapter runs and gets no answer from Prometheus. Look at Prometheus and the adapter's --prometheus-url.",
    ),
    Link(
        "RequestMissing",
        "missing request for",
        "Every container of the pods needs resources.requests.cpu, of which CPU time is a percentage.",
    ),
    Link(
        "SeriesAbsent",
        "could not find the (metric|descriptor)|no metrics returned|did not receive metrics|no matching metrics found",
        "No series that is younger than a minute has this name and these pods: look whether Prometheus scrapes them "
        "(serviceMonitor.enabled), and whether the adapter has the rules of manifests/prometheus-adapter-values.yaml.",
    ),
    Link(
        "Unparseable",
        r"cannot unmarshal|quantities must match|unable to parse|strconv\.|\bNaN\b|\bInf\b|invalid character",
        "The value is no number: correct the query of the adapter or of the trigger.",
    ),
)
"""First match first: an autoscaler wraps the words of what it asked into its own."""

_HOLDS = "The count stays as it is until then."


def of_autoscaler(spec: Mapping[str, Any], status: Status) -> Health:
    """What a HorizontalPodAutoscaler says.

    Args:
        spec: Its spec, which names the metrics.
        status: Its status.
    """
    scaling = _conditions(status).get("ScalingActive")
    if scaling is None:
        return Health("Unknown", "NotReadYet", "The autoscaler has not read its metrics yet.")
    said = str(scaling.get("message") or "")
    if scaling.get("reason") == "ScalingDisabled":
        return Health("Unknown", "ScaledToZero", "Without a replica the autoscaler reads nothing.")
    if scaling["status"] != "True":
        return _broken(str(scaling.get("reason") or "NotRead"), said or "The autoscaler could not read its metrics")
    unknown = ", ".join(_unknown(spec, status))
    if unknown:
        return Health(
            "False",
            "MetricUnknown",
            f"The autoscaler has no value for {unknown} (<unknown>), adds replicas by its other metrics, and removes "
            "none. `kubectl describe` of it says what is in the way.",
        )
    return Health("True", "Read", said or "The autoscaler reads its metrics.")


def of_scaled_object(spec: Mapping[str, Any], status: Status) -> Health:
    """What KEDA says of a ScaledObject.

    Args:
        spec: Its spec, whose fallback is named.
        status: Its status.
    """
    found = _conditions(status)
    ready = found.get("Ready")
    if ready is None:
        return Health("Unknown", "NotReadYet", "KEDA has not looked at the ScaledObject yet.")
    if found.get("Paused", {}).get("status") == "True":
        return Health("Unknown", "Paused", "Somebody has paused the ScaledObject by an annotation. Remove it to go on.")
    failing = ", ".join(_failing(status))
    if found.get("Fallback", {}).get("status") == "True":
        least = (spec.get("fallback") or {}).get("replicas", 0)
        return Health(
            "False",
            "FallbackActive",
            f"KEDA gets no value for {failing or 'a trigger'}, and keeps at least autoscaling.keda.fallback.replicas "
            f"({least}). Look at Prometheus, and whether it scrapes these pods.",
        )
    if failing:
        return Health(
            "False",
            "QueryFails",
            f"KEDA gets no value for {failing}. Look at Prometheus, and whether it scrapes these pods. {_HOLDS}",
        )
    if ready["status"] != "True":
        return _broken(str(ready.get("reason") or "NotReady"), str(ready.get("message") or "KEDA cannot act"))
    return Health("True", "Read", str(ready.get("message") or "KEDA reads its triggers."))


def _broken(reason: str, said: str) -> Health:
    """The link that these words are about; without one, the reason of the autoscaler itself."""
    for link in LINKS:
        if re.search(link.pattern, said) or (link.reason == "TwoAutoscalers" and reason == "AmbiguousSelector"):
            return Health("False", link.reason, f"{ended(said)} {link.remedy} {_HOLDS}")
    plain = reason if reason.isalnum() else "NotRead"
    return Health("False", plain, f"{ended(said)} {_HOLDS}")


def _conditions(status: Status) -> dict[str, Mapping[str, Any]]:
    return {each["type"]: each for each in status.get("conditions") or ()}


def _unknown(spec: Mapping[str, Any], status: Status) -> Iterator[str]:
    """Metrics without a value while others have one: the controller leaves their places empty."""
    current = status.get("currentMetrics") or ()
    if not current:
        return
    for number, metric in enumerate(spec.get("metrics") or ()):
        if number >= len(current) or not current[number].get("type"):
            yield _name(metric)


def _name(metric: Mapping[str, Any]) -> str:
    kind = str(metric.get("type", ""))
    source = metric.get(kind[:1].lower() + kind[1:]) or {}
    return str((source.get("metric") or {}).get("name") or source.get("name") or kind)


def _failing(status: Status) -> Iterator[str]:
    for name, health in sorted((status.get("health") or {}).items()):
        if health.get("status") == "Failing":
            yield f"{name} ({health.get('numberOfFailures', 0)} times)"
