"""What the API server refuses by itself, in the words that Helm uses; no operator has to be there."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from bge_reranker.setting_bounds import setting_bounds
from tests.chart.rendering import refusal
from tests.cluster.failures import ClusterError
from tests.contract.setting_cases import (
    CHART_SENTENCES,
    Fault,
    bound_cases,
    combination_cases,
    rounds,
    rule_cases,
    values_of,
)
from tests.e2e.operated import Operated

SHAPES: list[tuple[dict[str, Any], str]] = [
    ({"replikas": 2}, 'unknown field "spec.replikas"'),
    ({"config": {"engine": {"maxBatchTokenz": 1}}}, 'unknown field "spec.config.engine.maxBatchTokenz"'),
    ({"replicas": "two"}, "spec.replicas"),
    ({"replicas": -1}, "spec.replicas"),
    ({"cache": {"type": "floppy"}}, "spec.cache.type"),
    ({"cache": {"type": "pvc", "accessMode": "ReadWriteOnce"}}, "lets one node mount the volume"),
]

RULES: list[dict[str, Any]] = [
    {"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 2}},
    {"cache": {"type": "existing"}},
    {"cache": {"type": "image"}},
    {"config": {"engine": {"maxQueueTokens": 100}}},
    {"config": {"http": {"maxBodyBytes": 500_000_000}}},
    {"config": {"http": {"maxBodiesBytes": 2000, "maxBodyBytes": 3000}}},
    {"config": {"http": {"host": "not a host"}}},
    {"config": {"text": {"maxPairTokens": 7}}},
    {"model": {"source": "s3://bucket/../other"}},
    {"model": {"source": "demo", "revision": "-x"}},
    {"hub": {"endpoint": "hub.example"}},
    {"proxy": {"https": "socks5h://proxy:1"}},
    {"config": {"text": {"maxPairTokens": 513}}},
    {"config": {"text": {"maxPairTokens": 600}}, "model": {"source": "hf://BAAI/bge-reranker-large@main"}},
    {"config": {"text": {"maxQueryTokens": 512}}},
    {"config": {"text": {"maxPairTokens": 100, "windowOverlapTokens": 100}}},
    {"networkPolicy": {"egressCidrs": ["10.0.0.0/8", "10.0.0.0/99"]}},
    {"networkPolicy": {"monitoringNamespaces": ["Monitoring"]}},
    {"podLabels": {"team": "search & find"}},
    {"commonLabels": {"team": "-"}},
    {"nodeSelector": {"zone": "a b"}},
    {"serviceMonitor": {"labels": {"release": "a/b"}}},
    {"priorityClassName": "High Priority"},
    {"runtimeClassName": "Nvidia"},
    {"cache": {"storageClass": "fast_ssd"}},
    {"ingress": {"className": "nginx/"}},
    {"ingress": {"path": "/a/../b"}},
    {"ingress": {"hosts": ["rerank.example:443"]}},
    {"image": {"pullSecrets": ["a/b"]}},
    {"secrets": {"apiKeys": {"key": ".."}}},
    {"gpu": {"resource": "nvidia..com/gpu", "count": 0}},
    {"tolerations": [{}]},
    {"tolerations": [{"key": "k", "operator": "Exists", "value": "v"}]},
    {"tolerations": [{"key": "k", "effect": "NoSchedule", "tolerationSeconds": 5}]},
    {"tolerations": [{"key": "k", "effect": "NoWork"}]},
    {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a b", "whenUnsatisfiable": "DoNotSchedule"}]},
    {"extraVolumes": [{"name": "v", "secret": {"secretName": ""}}]},
    {"image": {"registry": "https://r.example", "repository": "i", "tag": "1"}},
    {"image": {"registry": "r" * 200, "repository": "i" * 60, "tag": "1"}},
    *({"config": case.config} for case in rule_cases() if case.is_the_chart_s and not case.holds),
]


SENTENCES = {key: found.sentence for key, found in setting_bounds().items()}
BOUND_CASES = [case for case in bound_cases() if case.path]


def said_of(products: Operated, spec: dict[str, Any]) -> str:
    """What the API server says where it refuses; empty where it does not."""
    try:
        products.apply(**spec)
    except ClusterError as error:
        return str(error)
    return ""


def test_the_api_server_refuses_with_a_sentence(products: Operated) -> None:
    assert [spec for spec, words in SHAPES if words not in said_of(products, spec)] == []


def test_the_api_server_refuses_with_the_sentence_that_helm_says(products: Operated) -> None:
    for values in RULES:
        spec = {"model": {"source": "demo"}, "gpu": {"count": 0}, **values}
        # What stands behind it in brackets are the numbers.
        (sentence,) = (line[2:].partition(" (")[0] for line in refusal(spec).splitlines() if line.startswith("- "))
        assert sentence in said_of(products, spec)


def lines_said_of(products: Operated, spec: dict[str, Any]) -> list[str]:
    """All that the API server says of a new Reranker, which is not made."""
    metadata = {"name": products.name, "namespace": products.namespace.name}
    whole = {"model": {"source": "demo"}, "gpu": {"count": 0}, **spec}
    body = {"apiVersion": "bge-reranker.io/v1alpha1", "kind": "Reranker", "metadata": metadata, "spec": whole}
    command = products.namespace.cluster.command("create", "--dry-run=server", "--filename=-")
    done = subprocess.run(command, input=json.dumps(body), capture_output=True, text=True, check=False)
    return done.stderr.split("\n")


def test_the_api_server_refuses_with_the_service_s_sentence_what_a_declaration_refuses(products: Operated) -> None:
    for cases in rounds(case for case in BOUND_CASES if case.fault in {Fault.BOUND, Fault.LENGTH}):
        said = lines_said_of(products, values_of(cases))
        for case in cases:
            end = f"; {SENTENCES[case.key]}"
            assert [line for line in said if f": {case.path} is " in line and line.endswith(end)], case


def test_the_api_server_refuses_what_breaks_a_combination_with_the_service_s_sentence(products: Operated) -> None:
    for case in combination_cases():
        said = lines_said_of(products, case.of_the_chart)
        found = {sentence for sentence in CHART_SENTENCES if any(line.endswith(sentence) for line in said)}
        assert found == case.said_by_the_chart, case
        assert [line for line in said if "hush" in line] == []


def test_an_address_that_may_hold_a_password_is_not_repeated(products: Operated) -> None:
    specs: list[dict[str, Any]] = [
        {"model": {"source": "https://user:hush@host:99999/m.tar.gz"}},
        {"autoscaling": {"keda": {"serverAddress": "https://user:hush@ho st"}}},
        {"config": {"guard": {"redisUrl": "redis://user:hush@host:99999"}}},
        {"config": {"observe": {"otlpEndpoint": "http://user:hush@collector:4317"}}},
    ]
    for spec in specs:
        said = lines_said_of(products, spec)
        assert [line for line in said if " is wrong; it must be " in line] != []
        assert [line for line in said if "hush" in line] == []


def test_the_api_server_refuses_another_type_by_the_schema_which_names_the_setting(products: Operated) -> None:
    for cases in rounds(case for case in BOUND_CASES if case.fault is Fault.TYPE):
        said = "\n".join(lines_said_of(products, values_of(cases)))
        assert [case for case in cases if f"spec.{case.path}: Invalid value: " not in said] == []


def test_the_api_server_takes_what_a_declaration_accepts(products: Operated) -> None:
    for cases in rounds(case for case in BOUND_CASES if not case.fault):
        said = lines_said_of(products, values_of(cases))
        # Accepted values may still break a rule between two settings, or one that is the pod's.
        assert [line for line in said if " in body " in line or line.endswith(tuple(SENTENCES.values()))] == []


def test_settings_that_break_no_rule_are_taken(products: Operated) -> None:
    for case in rule_cases():
        if case.is_the_chart_s and case.holds:
            assert said_of(products, {"model": {"source": "demo"}, "config": case.config}) == "", case.name


def test_what_may_be_is_taken(products: Operated) -> None:
    products.apply(config={"text": {"maxQueryTokens": None, "windowOverlapTokens": None, "maxPairTokens": 512}})
    products.apply(
        networkPolicy={"egressCidrs": ["10.0.0.0/8", "fd00::/8"]}, podLabels={"team": "", "x.example/a": "B"}
    )
    products.apply(config={"http": {"host": "::", "maxBodyBytes": 3000, "maxBodiesBytes": 3000}}, ingress={"path": "/"})


def test_scaling_is_refused_while_an_autoscaler_decides_the_count(products: Operated) -> None:
    scaled = {"enabled": True, "maxReplicas": 3, "backlogSeconds": {"enabled": False}, "cpu": {"enabled": True}}
    products.apply(autoscaling=scaled)
    words = "replicas cannot change while autoscaling.enabled is true, because the autoscaler decides the count. Change"
    with pytest.raises(ClusterError, match=words):
        products.namespace.kubectl("scale", "reranker/products", "--replicas=3")
    products.apply(autoscaling={**scaled, "minReplicas": 2})
    products.apply(replicas=1)
    assert products.get()["spec"]["replicas"] == 1
