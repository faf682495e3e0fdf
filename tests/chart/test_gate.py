"""The relevance gate in the pod template: what the scorer reads is what was meant, and one hash names it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bge_reranker.configuration import load_settings
from bge_reranker.evaluation.golden_set import thresholds_of
from bge_reranker.evaluation.thresholds import gate_hash
from bge_reranker.judging import load_gate
from tests.chart.rendering import CPU_DEMO, Rendered, problems, render

GOLDEN_SET = """\
{"query": "Preis in $(HOME) oder $$?", "positive": ["5 \\u20ac \\"netto\\""], "negative": ["<b>&amp;</b>", "$"]}

{"query": "苹果", "candidates": [{"text": "水果", "grade": 2}, {"text": "汽车", "grade": 0}]}
"""
DIGEST = "ab" * 32
HASH = "bge-reranker.io/gate-hash"


def gated(**gate: Any) -> Rendered:
    return render({**CPU_DEMO, "gate": gate})


def variables(rendered: Rendered) -> dict[str, str]:
    """What the kubelet makes of the container's variables: two dollar signs are one."""
    return {each["name"]: each["value"].replace("$$", "$") for each in rendered.scorer["env"]}


def annotated(rendered: Rendered) -> dict[str, str]:
    found: dict[str, str] = rendered.one("Deployment")["spec"]["template"]["metadata"]["annotations"]
    return found


THRESHOLDS: list[dict[str, Any]] = [
    {},
    {"minNdcgAt10": 1},
    {"minNdcgAt10": 0, "maxNdcgLoss": 0.005, "minKendallTau": -0.25},
    {"maxNdcgLoss": 0.1234567, "cutOffs": [{"name": "answers", "score": 0.35, "maxDrift": 0.05}]},
    {"minKendallTau": 0.98, "cutOffs": [{"name": "b", "score": 0.5}, {"name": "a", "score": 0.0001, "maxDrift": 1}]},
    {"cutOffs": [{"name": "a", "score": 0.5, "maxDrift": 1e-9}]},
]


@pytest.mark.parametrize("thresholds", THRESHOLDS, ids=str)
def test_the_annotation_is_the_hash_that_the_scorer_makes_of_what_it_is_told(thresholds: dict[str, Any]) -> None:
    rendered = gated(goldenSet=GOLDEN_SET, **thresholds)
    gate = load_gate(load_settings(None, variables(rendered)))
    assert gate is not None
    assert annotated(rendered)[HASH] == gate.input.hash
    assert [case.query for case in gate.input.cases] == ["Preis in $(HOME) oder $$?", "苹果"]


def test_a_config_map_is_named_with_its_hash_and_mounted_where_the_scorer_looks() -> None:
    rendered = gated(configMap={"name": "golden-7", "key": "g.jsonl", "sha256": DIGEST}, minNdcgAt10=0.7)
    settings = load_settings(None, variables(rendered)).gate
    assert settings.golden_set_sha256 == DIGEST
    (mount,) = [each for each in rendered.scorer["volumeMounts"] if each["name"] == "gate"]
    (volume,) = [each for each in rendered.pod["volumes"] if each["name"] == "gate"]
    assert volume["configMap"] == {"name": "golden-7", "items": [{"key": "g.jsonl", "path": "golden-set.jsonl"}]}
    assert settings.golden_set_file == f"{mount['mountPath']}/golden-set.jsonl"
    assert annotated(rendered)[HASH] == gate_hash(DIGEST, thresholds_of(settings))


def test_a_golden_set_changes_the_pods_and_lies_in_them_once() -> None:
    first, second = (gated(goldenSet=text, minNdcgAt10=0.5) for text in (GOLDEN_SET, GOLDEN_SET.replace("苹果", "梨")))
    assert annotated(first)[HASH] != annotated(second)[HASH]
    template = json.dumps(first.one("Deployment"), ensure_ascii=False)
    assert template.count("苹果") == 1


def test_without_a_golden_set_nothing_of_the_gate_is_in_the_pods() -> None:
    rendered = render(CPU_DEMO)
    assert HASH not in annotated(rendered)
    assert "gate" not in rendered.settings
    assert load_gate(load_settings(None, variables(rendered))) is None


def test_the_start_may_take_as_long_as_load_and_gate_together() -> None:
    plain, judged = render(CPU_DEMO), gated(goldenSet=GOLDEN_SET, timeoutSeconds=300)
    seconds = [each.scorer["startupProbe"]["failureThreshold"] for each in (plain, judged)]
    assert seconds[1] == seconds[0] + 300
    assert load_settings(None, variables(judged)).gate.timeout_s == 300


def test_pods_ask_each_other_by_the_headless_service_and_with_their_own_token() -> None:
    secrets = {"apiKeys": {"name": "callers"}, "internalToken": {"name": "internal", "key": "t"}}
    rendered = render({**CPU_DEMO, "gate": {"goldenSet": GOLDEN_SET, "maxNdcgLoss": 0.01}, "secrets": secrets})
    settings = load_settings(None, variables(rendered))
    assert settings.gate.peers in {each["metadata"]["name"] for each in rendered.objects if each["kind"] == "Service"}
    (mount,) = [each for each in rendered.scorer["volumeMounts"] if each["name"] == "internal-token"]
    assert settings.guard.internal_token_file == f"{mount['mountPath']}/token"


def test_the_network_policy_lets_the_scorer_s_pods_reach_one_another_on_both_ports() -> None:
    policy = render({**CPU_DEMO, "networkPolicy": {"enabled": True, "searchNamespaces": ["search"]}}).one(
        "NetworkPolicy"
    )
    own = {"podSelector": policy["spec"]["podSelector"]}
    admitted = [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"] if own in rule["from"]]
    (reached,) = [rule["ports"] for rule in policy["spec"]["egress"] if own in rule.get("to", [])]
    assert admitted == ["http", "management"]
    assert [each["port"] for each in reached] == [8000, 8001]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"gate": {"configMap": {"name": "m"}}}, "gate.configMap.sha256 is empty"),
        ({"gate": {"configMap": {"sha256": DIGEST}}}, "gate.configMap.name is empty"),
        ({"gate": {"goldenSet": "ä" * 32_769}}, "has 65538 bytes; at most 65536"),
        ({"gate": {"goldenSet": "  \n"}}, "nothing but blanks"),
        (
            {"gate": {"goldenSet": "x", "maxNdcgLoss": 0}, "secrets": {"apiKeys": {"name": "callers"}}},
            "secrets.internalToken.name",
        ),
        (
            {
                "gate": {"goldenSet": "x", "minKendallTau": 0},
                "secrets": {"jwks": {"name": "issuer"}},
                "config": {"guard": {"jwtIssuer": "https://issuer.example", "jwtAudience": "search"}},
            },
            "secrets.internalToken.name",
        ),
        (
            {"gate": {"goldenSet": "x", "cutOffs": [{"name": "a", "score": 0.5}, {"name": "a", "score": 0.6}]}},
            "gate.cutOffs has a name more than once. Give each a name of its own. (a)",
        ),
        ({"podAnnotations": {HASH: "x"}}, "which the chart sets itself"),
    ],
)
def test_values_that_make_no_gate_are_refused(values: dict[str, Any], sentence: str) -> None:
    (said,) = problems({**CPU_DEMO, **values})
    assert sentence in said


def test_an_absolute_threshold_needs_no_token() -> None:
    values = {"gate": {"goldenSet": "x", "minNdcgAt10": 0.5}, "secrets": {"apiKeys": {"name": "callers"}}}
    assert render({**CPU_DEMO, **values}).settings["gate"]["minNdcgAt10"] == 0.5
