"""The autoscaler: a real one moves the replicas by the backlog that Prometheus scrapes and the adapter serves."""

from __future__ import annotations

import pytest

from tests.e2e.helm import Release
from tests.e2e.kubernetes import Cluster, SearchPod, wait_until
from tests.e2e.scaled import CAPPED, QUICK, Scaled, capacity, serves_custom_metrics, up_and_down


def test_the_backlog_adds_a_replica_and_none_of_the_requests_is_lost_when_it_goes(
    cluster: Cluster, image: str, search: SearchPod
) -> None:
    if not serves_custom_metrics(cluster):
        pytest.skip("this cluster serves no custom metrics")
    with cluster.namespace("rr-e2e-backlog") as namespace:
        release = Release("demo", namespace, image)
        scaling = {"enabled": True, "maxReplicas": 2, "behavior": QUICK}
        release.install({"resources": CAPPED, "autoscaling": scaling, "serviceMonitor": {"enabled": True}})
        scaled = Scaled(namespace, release.name, release.url)
        wait_until(scaled.reads_its_metric, "the autoscaler reads its metric")
        assert scaled.replicas() == 1, "it acted before there was a load"
        seen = up_and_down(scaled, search, rate=2.0 * capacity(scaled, search), most=2)
        print({name: value for name, value in seen.items() if name != "series"})  # noqa: T201 - figures for the log
