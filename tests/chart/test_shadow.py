"""The shadow in the chart: who is fed, who feeds, and who reaches it."""

from __future__ import annotations

from typing import Any

import pytest

from bge_reranker.configuration import load_settings
from bge_reranker.settings import Settings
from tests.chart.rendering import CPU_DEMO, Rendered, problems, render

ENABLED: dict[str, Any] = {"rollout": {"shadow": {"enabled": True, "sampleRatio": 0.25}}}
SERVED = {"source": "s3://models/large", "revision": "2026-11", "digest": "ab" * 32}


def rendered(**values: Any) -> Rendered:
    return render({**CPU_DEMO, "networkPolicy": {"enabled": True}, "model": SERVED, **ENABLED, **values})


def named(rendered: Rendered, kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in rendered.objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def settings_of(deployment: dict[str, Any]) -> Settings:
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return load_settings(None, {each["name"]: each["value"] for each in container["env"]})


def labels_of(deployment: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = deployment["spec"]["template"]["metadata"]["labels"]
    return found


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_serving_pods_look_for_a_shadow_before_there_is_one() -> None:
    """So that its coming and going replaces no pod."""
    without, beside = rendered(), rendered(shadow={"revision": "2026-12"})
    serving = named(without, "Deployment", "demo")
    assert serving == named(beside, "Deployment", "demo")
    shadow = settings_of(serving).shadow
    assert (shadow.hosts, shadow.sample_ratio) == ("demo-shadow", 0.25)
    assert [each["metadata"]["name"] for each in without.objects if each["kind"] == "Deployment"] == ["demo"]


def test_the_shadow_runs_the_other_version_and_feeds_nobody() -> None:
    shadow = named(rendered(shadow={"revision": "2026-12"}), "Deployment", "demo-shadow")
    settings = settings_of(shadow)
    assert (settings.model.source, settings.model.revision) == (SERVED["source"], "2026-12")
    # The digest is the served version's.
    assert settings.model.expect_digest is None
    assert settings.shadow.hosts is None
    assert shadow["spec"]["replicas"] == 1


def test_no_service_of_the_callers_and_no_budget_selects_the_shadow() -> None:
    objects = rendered(
        shadow={"revision": "2026-12"}, autoscaling={"enabled": True, "backlogSeconds": {"enabled": True}}
    )
    labels = labels_of(named(objects, "Deployment", "demo-shadow"))
    selectors = {
        each["metadata"]["name"]: each["spec"]["selector"] for each in objects.objects if each["kind"] == "Service"
    }
    assert {name for name, selector in selectors.items() if selects(selector, labels)} == {"demo-shadow"}
    serving = named(objects, "Deployment", "demo")
    assert not selects(serving["spec"]["selector"]["matchLabels"], labels)
    assert not selects(selectors["demo-shadow"], labels_of(serving))
    budget = named(objects, "PodDisruptionBudget", "demo")
    assert not selects(budget["spec"]["selector"]["matchLabels"], labels)
    assert named(objects, "HorizontalPodAutoscaler", "demo")["spec"]["scaleTargetRef"]["name"] == "demo"


def test_only_serving_pods_reach_the_shadows_api() -> None:
    objects = rendered(shadow={"revision": "2026-12"})
    policy = named(objects, "NetworkPolicy", "demo-shadow")["spec"]
    serving, shadow = (labels_of(named(objects, "Deployment", name)) for name in ("demo", "demo-shadow"))
    assert selects(policy["podSelector"]["matchLabels"], shadow)
    (api,) = [rule for rule in policy["ingress"] if rule["ports"] == [{"port": "http"}]]
    (peer,) = api["from"]
    assert set(peer) == {"podSelector"}
    assert selects(peer["podSelector"]["matchLabels"], serving)
    egress = named(objects, "NetworkPolicy", "demo")["spec"]["egress"]
    peers = [peer for rule in egress if {"port": 8001} in rule["ports"] for peer in rule["to"]]
    assert any(selects(peer["podSelector"]["matchLabels"], shadow) for peer in peers)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shadow": {"revision": "2"}}, "rollout.shadow.enabled is false"),
        ({**ENABLED, "secrets": {"apiKeys": {"name": "bge-reranker-keys"}}}, "secrets.internalToken.name"),
        (
            {
                "model": SERVED,
                "cache": {"type": "pvc", "accessMode": "ReadWriteOnce"},
                "rollout": {"mode": "inPlace", "shadow": {"enabled": True}},
            },
            "the shadow needs the volume beside the pods that serve",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(values: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in problems({**CPU_DEMO, **values}))
