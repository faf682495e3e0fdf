from __future__ import annotations

from typing import Any

from tests.cluster.targets import targets


def pod(phase: str, *ports: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "search", "name": "reranker-1"},
        "spec": {"nodeName": "rr-node-1", "containers": [{"ports": list(ports)}]},
        "status": {"phase": phase, "podIP": "198.18.1.7"},
    }


def test_the_port_with_metrics_is_listed_with_its_pod() -> None:
    management = {"name": "management", "containerPort": 8001}
    assert targets([pod("Running", {"name": "http", "containerPort": 8000}, management)]) == [
        {
            "targets": ["198.18.1.7:8001"],
            "labels": {"namespace": "search", "pod": "reranker-1", "node": "rr-node-1", "reranker": ""},
        }
    ]


def test_pods_that_do_not_run_and_ports_without_a_name_are_left_out() -> None:
    management = {"name": "management", "containerPort": 8001}
    assert targets([pod("Succeeded", management), pod("Running", {"containerPort": 8001})]) == []
