"""What decides the replicas: one autoscaler, and what it asks."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.chart.rendering import CPU_DEMO, Values, render

KEDA: Values = {"enabled": True, "serverAddress": "http://prometheus:9090"}
OUTSIDE = 'sum(rate(envoy_requests_total{route="demo"}[1m]))'


def triggers(**autoscaling: Any) -> list[dict[str, Any]]:
    rendered = render({**CPU_DEMO, "autoscaling": {"enabled": True, "keda": KEDA, **autoscaling}})
    found: list[dict[str, Any]] = rendered.one("ScaledObject")["spec"]["triggers"]
    return found


def test_keda_takes_the_place_of_the_autoscaler_and_owns_the_count_likewise() -> None:
    rendered = render({**CPU_DEMO, "replicas": 3, "autoscaling": {"enabled": True, "keda": KEDA}})
    assert rendered.all("HorizontalPodAutoscaler") == []
    assert rendered.one("ScaledObject")["spec"]["scaleTargetRef"]["name"] == "demo"
    assert "replicas" not in rendered.one("Deployment")["spec"]
    assert render({**CPU_DEMO, "autoscaling": {"enabled": True}}).all("ScaledObject") == []


def test_an_empty_result_is_an_error_to_keda_and_never_a_load_of_zero() -> None:
    rendered = render(case="autoscaling-keda").one("ScaledObject")["spec"]
    asked = [each["metadata"] for each in rendered["triggers"] if each["type"] == "prometheus"]
    assert len(asked) == 3
    assert {each["ignoreNullValues"] for each in asked} == {"false"}
    assert rendered["fallback"] == {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"}


def test_a_series_from_outside_may_have_the_pods_names_in_the_middle_of_its_own() -> None:
    query = "sum(rate(gate_requests_total[1m])) + sum(rate(edge_container_requests_total[1m]))"
    _, outside = triggers(minReplicas=0, keda={**KEDA, "outsideQuery": query})
    assert outside["metadata"]["query"] == query


def test_keda_gets_no_fallback_where_cpu_time_is_its_only_trigger() -> None:
    scaling = {"enabled": True, "backlogSeconds": {"enabled": False}, "cpu": {"enabled": True}, "keda": KEDA}
    spec = render({**CPU_DEMO, "autoscaling": scaling}).one("ScaledObject")["spec"]
    assert [each["type"] for each in spec["triggers"]] == ["cpu"]
    assert "fallback" not in spec


def test_a_backlog_that_is_older_than_a_minute_does_not_count() -> None:
    (trigger,) = triggers()
    series = r'bge_reranker_backlog_seconds\{namespace="search",reranker="demo"\}'
    assert re.fullmatch(rf"sum\({series} and time\(\) - timestamp\({series}\) < 60\)", trigger["metadata"]["query"])
    assert trigger["metadata"]["threshold"] == "0.3"


def test_only_series_of_the_release_itself_drive_it() -> None:
    names = {"search": "one", "other": "two"}
    for namespace, release in names.items():
        values = {**CPU_DEMO, "autoscaling": {"enabled": True, "keda": KEDA}, "serviceMonitor": {"enabled": True}}
        rendered = render(values, release=release, namespace=namespace)
        query = rendered.one("ScaledObject")["spec"]["triggers"][0]["metadata"]["query"]
        assert f'namespace="{namespace}",reranker="{release}"' in query
        (given,) = rendered.one("ServiceMonitor")["spec"]["endpoints"][0]["relabelings"]
        assert given == {"targetLabel": "reranker", "replacement": release}


def test_at_zero_the_load_outside_of_the_pods_stands_for_a_backlog_of_none() -> None:
    backlog, outside = triggers(minReplicas=0, keda={**KEDA, "outsideQuery": OUTSIDE})
    # On a line of its own: a query may end with a comment.
    assert backlog["metadata"]["query"].endswith(f" or sum(0 * ({OUTSIDE}\n))")
    assert outside["metadata"]["query"] == OUTSIDE
    assert outside["metadata"]["threshold"] == "10"


@pytest.mark.parametrize(
    ("metric", "asked"),
    [
        ("bge_reranker_gpu_engine_active", "bge_reranker:gpu_engine_active:avg1m"),
        ("bge_reranker_gpu_utilization", "bge_reranker:gpu_utilization:avg1m"),
        ("amd_gpu_busy", "amd_gpu_busy"),
    ],
)
def test_the_gpu_is_asked_for_by_the_series_of_the_recording_rules(metric: str, asked: str) -> None:
    values: Values = {
        "autoscaling": {
            "enabled": True,
            "backlogSeconds": {"enabled": False},
            "gpu": {"enabled": True, "metric": metric},
            "keda": KEDA,
        }
    }
    (trigger,) = render(values).one("ScaledObject")["spec"]["triggers"]
    assert trigger["metadata"]["query"] == f'sum({asked}{{namespace="search",reranker="demo"}})'


def test_the_interceptor_leads_to_the_service_and_counts_for_keda() -> None:
    rendered = render(case="autoscaling-keda")
    route = rendered.one("InterceptorRoute")
    service = next(each for each in rendered.all("Service") if each["spec"].get("clusterIP") != "None")
    assert route["spec"]["target"] == {"service": service["metadata"]["name"], "port": 8000}
    trigger = rendered.one("ScaledObject")["spec"]["triggers"][-1]
    assert trigger["type"] == "external-push"
    assert trigger["metadata"]["interceptorRoute"] == route["metadata"]["name"]


def test_tolerance_and_no_least_replica_are_rendered_as_given() -> None:
    outside = {
        "type": "External",
        "external": {"metric": {"name": "queries"}, "target": {"type": "AverageValue", "averageValue": "20"}},
    }
    scaling = {
        "enabled": True,
        "minReplicas": 0,
        "metrics": [outside],
        "behavior": {"scaleDown": {"tolerance": "50m"}},
    }
    spec = render({**CPU_DEMO, "autoscaling": scaling}).one("HorizontalPodAutoscaler")["spec"]
    assert spec["minReplicas"] == 0
    assert spec["behavior"]["scaleDown"]["tolerance"] == "50m"
