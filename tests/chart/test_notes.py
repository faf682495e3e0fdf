"""What helm prints after an install."""

from __future__ import annotations

import json

from tests.chart.rendering import CHART, CPU_DEMO, Values, helm


def notes(values: Values) -> str:
    arguments = ("install", "demo", str(CHART), "--namespace=search", "--dry-run=client", "--values=-")
    done = helm(*arguments, text_input=json.dumps(values))
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:")[2]


def test_notes_say_how_to_call_it_and_how_to_watch_it_come_up() -> None:
    said = notes({**CPU_DEMO, "service": {"port": 80}})
    assert "curl -s http://demo.search:80/rerank" in said
    assert "kubectl --namespace search rollout status deployment/demo" in said
    assert "helm --namespace search test demo" in said
    assert "fetch-model" not in said


def test_notes_show_the_download_where_there_is_one() -> None:
    assert "logs deployment/demo --container fetch-model --follow" in notes({})


def test_notes_say_which_nodes_have_the_resource_and_the_way_out() -> None:
    said = notes({})
    assert r".status.allocatable.nvidia\.com/gpu" in said
    assert "--set gpu.count=0" in said
    assert "If all say <none> or 0, pods stay Pending" in said
    assert "GPUS" not in notes(CPU_DEMO)
    claimed = notes({"gpu": {"claimTemplate": "one-gpu"}})
    assert "by the ResourceClaimTemplate one-gpu" in claimed
    assert "GPUS" not in claimed


def test_notes_say_who_may_call_and_with_which_key() -> None:
    said = notes({**CPU_DEMO, "secrets": {"apiKeys": {"name": "callers"}}})
    assert "-H 'Authorization: Bearer KEY'" in said
    assert "KEY is a key of which the Secret callers holds a line." in said
    assert "KEY" not in notes(CPU_DEMO)
    assert "from any pod of the cluster:" in notes(CPU_DEMO)
    limited = {"enabled": True, "searchNamespaces": ["a", "b"]}
    assert "from any pod of the namespaces a, b:" in notes({**CPU_DEMO, "networkPolicy": limited})


def test_notes_forward_a_port_that_anybody_may_open() -> None:
    said = notes({**CPU_DEMO, "service": {"port": 80}})
    assert "port-forward service/demo 8000:80`" in said
    assert "http://127.0.0.1:8000;" in said


def test_notes_name_every_image_where_there_is_no_registry() -> None:
    said = notes(CPU_DEMO)
    assert "localhost/bge-reranker:0.1.0-cpu and localhost/bge-reranker-operator:0.1.0\n" in said
    alone = notes({"scorer": {"enabled": False}})
    assert "were given localhost/bge-reranker-operator:0.1.0\n" in alone


def test_notes_say_that_there_is_no_registry() -> None:
    assert "MISSING: image.registry" in notes(CPU_DEMO)
    assert "image.registry" not in notes({**CPU_DEMO, "image": {"registry": "registry.example"}})


def test_notes_say_that_there_is_no_metrics_adapter_and_how_to_take_replicas_back() -> None:
    said = notes({**CPU_DEMO, "autoscaling": {"enabled": True}})
    assert "MISSING: nothing serves custom.metrics.k8s.io" in said
    assert "--force-conflicts" in said
    assert "MISSING: nothing serves" not in notes(CPU_DEMO)
