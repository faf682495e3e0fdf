from __future__ import annotations

from typing import Any

import pytest

from reranker_operator.kinds import Ref
from reranker_operator.metrics_health import LINKS, of_autoscaler, of_scaled_object

from .bodies import NAMESPACE, reranker
from .fakes import Bench
from .rounds import AUTOSCALER, complete, in_a_loop

BACKLOG = {"type": "Pods", "pods": {"metric": {"name": "bge_reranker_backlog_seconds"}}}
CPU = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "scorer"}}
SPEC = {"metrics": [BACKLOG, CPU]}
COMPUTED = "the HPA was unable to compute the replica count: unable to get metric bge_reranker_backlog_seconds: "
ADAPTER = f"{COMPUTED}unable to fetch metrics from custom metrics API: "


def scaling(status: str, message: str = "", reason: str = "FailedGetPodsMetric", **more: Any) -> dict[str, Any]:
    """Status of a HorizontalPodAutoscaler."""
    return {
        "conditions": [{"type": "ScalingActive", "status": status, "reason": reason, "message": message}],
        **more,
    }


# The words are those of kube-controller-manager 1.34, prometheus-adapter 0.12 and KEDA 2.20.
SAID = [
    (f"{ADAPTER}no custom metrics API (custom.metrics.k8s.io) registered", "AdapterMissing"),
    (
        "unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)",  # noqa: E501 - one sentence of the controller
        "AdapterMissing",
    ),
    (
        f"{ADAPTER}the server is currently unable to handle the request (get pods.custom.metrics.k8s.io)",
        "AdapterUnavailable",
    ),
    (f"{ADAPTER}Internal error occurred: unable to fetch metrics", "PrometheusUnavailable"),
    (
        f"{ADAPTER}the server could not find the metric bge_reranker_backlog_seconds for pods ",
        "SeriesAbsent",
    ),
    (f"{COMPUTED}no metrics returned from custom metrics API", "SeriesAbsent"),
    ("did not receive metrics for targeted pods (pods might be unready)", "SeriesAbsent"),
    ("failed to get cpu utilization: missing request for cpu in container scorer of Pod demo-1", "RequestMissing"),
    (f"{ADAPTER}json: cannot unmarshal string into Go struct field MetricValue.items.value", "Unparseable"),
    (f"{ADAPTER}quantities must match the regular expression '^([+-]?[0-9.]+)$'", "Unparseable"),
    ("pods by selector app=x are controlled by multiple HPAs: [search/demo search/other]", "TwoAutoscalers"),
]


@pytest.mark.parametrize(("said", "reason"), SAID)
def test_the_broken_link_is_named_with_the_words_of_the_autoscaler_and_a_remedy(said: str, reason: str) -> None:
    health = of_autoscaler(SPEC, scaling("False", said))
    remedy = next(link.remedy for link in LINKS if link.reason == reason)
    assert (health.status, health.reason) == ("False", reason)
    assert health.message.startswith(said.rstrip())
    assert remedy in health.message
    assert "stays as it is" in health.message


def test_every_link_has_words_that_lead_to_it() -> None:
    assert {reason for _, reason in SAID} == {link.reason for link in LINKS}


def test_two_autoscalers_are_known_by_the_controller_s_reason_too() -> None:
    assert of_autoscaler(SPEC, scaling("False", "several", reason="AmbiguousSelector")).reason == "TwoAutoscalers"


def test_what_is_not_known_keeps_the_reason_of_the_autoscaler() -> None:
    assert of_autoscaler(SPEC, scaling("False", "new words")).reason == "FailedGetPodsMetric"
    assert of_autoscaler(SPEC, scaling("False", "x", reason="not one word")).reason == "NotRead"


def test_one_metric_without_a_value_beside_others_is_named() -> None:
    found = [{"type": ""}, {"type": "ContainerResource", "containerResource": {"name": "cpu"}}]
    health = of_autoscaler(SPEC, scaling("True", "ok", "ValidMetricFound", currentMetrics=found))
    assert (health.status, health.reason) == ("False", "MetricUnknown")
    assert "no value for bge_reranker_backlog_seconds (<unknown>)" in health.message
    assert "removes none" in health.message


def test_an_autoscaler_that_reads_everything_is_healthy() -> None:
    found = [{"type": "Pods"}, {"type": "ContainerResource"}]
    assert of_autoscaler(SPEC, scaling("True", "ok", "ValidMetricFound", currentMetrics=found))[:2] == ("True", "Read")


def test_an_autoscaler_at_zero_is_neither_healthy_nor_broken() -> None:
    assert of_autoscaler(SPEC, scaling("False", "zero", "ScalingDisabled"))[:2] == ("Unknown", "ScaledToZero")


def keda(*conditions: tuple[str, str], failing: int = 0, message: str = "", reason: str = "") -> dict[str, Any]:
    """Status of a ScaledObject."""
    health = {"s0-prometheus": {"status": "Failing" if failing else "Happy", "numberOfFailures": failing}}
    said = [{"type": kind, "status": status, "reason": reason, "message": message} for kind, status in conditions]
    return {"conditions": said, "health": health}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, ("Unknown", "NotReadYet")),
        (keda(("Ready", "True")), ("True", "Read")),
        (keda(("Ready", "True"), ("Paused", "True")), ("Unknown", "Paused")),
        (keda(("Ready", "True"), ("Fallback", "True"), failing=3), ("False", "FallbackActive")),
        (keda(("Ready", "Unknown"), failing=1), ("False", "QueryFails")),
        (
            keda(("Ready", "False"), message="the workload 'demo' is already managed by the hpa 'x'"),
            ("False", "TwoAutoscalers"),
        ),
        (keda(("Ready", "False"), reason="ScaledObjectCheckFailed"), ("False", "ScaledObjectCheckFailed")),
    ],
)
def test_keda_s_conditions_are_read_likewise(status: dict[str, Any], expected: tuple[str, str]) -> None:
    health = of_scaled_object({"fallback": {"replicas": 2}}, status)
    assert health[:2] == expected
    assert health.message


@in_a_loop
async def test_a_reranker_says_which_link_is_broken_and_that_it_is_mended_by_itself() -> None:
    bench, products = Bench(), reranker(autoscaling={"enabled": True})
    await bench.round(products)
    complete(bench)
    bench.cluster.say(AUTOSCALER, **scaling("False", SAID[0][0]))
    await bench.round(products)
    broken = bench.condition(products, "MetricsHealthy")
    assert (broken["status"], broken["reason"]) == ("False", "AdapterMissing")
    assert bench.condition(products, "Ready")["status"] == "True", "its pods serve all the same"
    assert "MetricsHealthy" in bench.condition(products, "Stalled")["message"]
    bench.cluster.say(AUTOSCALER, **scaling("True", "ok", "ValidMetricFound"))
    await bench.round(products)
    assert bench.condition(products, "MetricsHealthy")["status"] == "True"


@in_a_loop
async def test_a_scaled_object_speaks_for_its_reranker() -> None:
    bench, products = Bench(), reranker(autoscaling={"enabled": True, "keda": {"enabled": True}})
    await bench.round(products)
    complete(bench)
    scaled_object = Ref("keda.sh/v1alpha1", "ScaledObject", NAMESPACE, "products")
    assert AUTOSCALER not in bench.cluster.objects
    bench.cluster.say(scaled_object, **keda(("Ready", "True"), ("Fallback", "True"), failing=3))
    await bench.round(products)
    assert bench.condition(products, "MetricsHealthy")["reason"] == "FallbackActive"


@in_a_loop
async def test_what_the_conditions_say_can_be_scraped() -> None:
    bench, products = Bench(), reranker(autoscaling={"enabled": True})
    await bench.round(products)
    complete(bench)
    bench.cluster.say(AUTOSCALER, **scaling("False", SAID[0][0]))
    await bench.round(products)
    labels = {"reranker_namespace": NAMESPACE, "reranker": "products"}
    name = "bge_reranker_operator_condition"
    read = bench.metrics.registry.get_sample_value
    assert read(name, {**labels, "type": "MetricsHealthy", "reason": "AdapterMissing"}) == 0
    assert read(name, {**labels, "type": "Ready", "reason": "AllReplicasReady"}) == 1
    assert read(name, {**labels, "type": "ModelReady", "reason": "Loaded"}) == 1
