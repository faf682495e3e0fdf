"""What the autoscaler's own controller says of broken links, as Rerankers repeat it. No adapter serves metrics here."""

from __future__ import annotations

import pytest

from tests.e2e.operated import Operated

LIMIT_S = 90


@pytest.mark.usefixtures("working")
def test_a_missing_adapter_and_a_second_autoscaler_are_named_and_forgotten_when_they_go(products: Operated) -> None:
    products.apply(replicas=1, autoscaling={"enabled": True, "maxReplicas": 2})
    missing = products.await_reason("MetricsHealthy", "AdapterMissing", LIMIT_S)
    assert "Install what serves this API: prometheus-adapter" in missing["message"]
    products.namespace.create(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "rival"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": products.name},
                "minReplicas": 1,
                "maxReplicas": 2,
            },
        }
    )
    rivals = products.await_reason("MetricsHealthy", "TwoAutoscalers", LIMIT_S)
    assert f"{products.namespace.name}/rival" in rivals["message"]
    products.namespace.kubectl("delete", "hpa", "rival")
    products.await_reason("MetricsHealthy", "AdapterMissing", LIMIT_S)
