"""The Job that fetches the next version of a model onto a volume that pods share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.rendering import Values, refusal, render

NEXT = {"source": "hf://org/model", "revision": "next"}


def fetching(**cache: Any) -> Values:
    shared = {"type": "pvc", **cache}
    mode = "surge" if shared.get("accessMode", "ReadWriteMany") == "ReadWriteMany" else "inPlace"
    model = {"source": "hf://org/model", "revision": "now"}
    return {"operator": {"enabled": False}, "model": model, "cache": shared, "rollout": {"mode": mode}, "fetch": NEXT}


def test_the_job_fetches_the_next_version_while_the_pods_keep_theirs() -> None:
    rendered = render({**fetching(), "nodeSelector": {"zone": "a"}})
    pod = rendered.one("Job")["spec"]["template"]
    assert '"revision":"next"' in pod["metadata"]["annotations"]["bge-reranker.io/model"]
    assert '"revision":"next"' in pod["spec"]["containers"][0]["env"][0]["value"]
    assert rendered.settings["model"]["revision"] == "now"
    assert pod["spec"]["nodeSelector"] == {"zone": "a"}
    assert "affinity" not in pod["spec"]
    assert pod["spec"]["volumes"] == rendered.pod["volumes"]
    assert "nvidia.com/gpu" not in pod["spec"]["containers"][0]["resources"]["limits"], "it computes nothing"
    assert pod["spec"]["tolerations"] == rendered.pod["tolerations"]


def test_no_service_and_no_deployment_takes_its_pod_for_a_scorer() -> None:
    rendered = render(fetching())
    labels = rendered.one("Job")["spec"]["template"]["metadata"]["labels"]
    selectors = [service["spec"]["selector"] for service in rendered.all("Service")]
    for selector in (*selectors, rendered.one("Deployment")["spec"]["selector"]["matchLabels"]):
        assert not selector.items() <= labels.items()


def test_where_one_node_mounts_the_volume_it_goes_to_the_pod_that_holds_it() -> None:
    affinity: dict[str, Any] = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    rendered = render({**fetching(accessMode="ReadWriteOnce"), "affinity": affinity})
    (term,) = rendered.one("Job")["spec"]["template"]["spec"]["affinity"]["podAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"] == rendered.one("Deployment")["spec"]["selector"]["matchLabels"]
    assert rendered.pod["affinity"] == affinity


@pytest.mark.parametrize(
    "cache",
    [
        {"type": "ephemeral"},
        {"type": "emptyDir"},
        {"type": "image", "image": "models:1"},
        {"accessMode": "ReadWriteOncePod"},
    ],
)
def test_without_a_volume_that_both_can_mount_there_is_no_job(cache: dict[str, Any]) -> None:
    assert render(fetching(**cache)).all("Job") == []


def test_a_model_that_needs_no_download_needs_no_job() -> None:
    assert render({**fetching(), "fetch": {"source": "demo", "revision": ""}}).all("Job") == []
    assert render({**fetching(), "fetch": {}}).all("Job") == []


def test_another_version_or_another_pod_is_another_job() -> None:
    values = fetching()
    others = [
        {**values, "fetch": {**NEXT, "revision": "later"}},
        {**values, "image": {"tag": "other"}},
        {**values, "fullnameOverride": "other"},
    ]
    names = {render(each).one("Job")["metadata"]["name"] for each in (values, *others)}
    assert len(names) == len(others) + 1
    long = render({**values, "fullnameOverride": "a" * 52}).one("Job")["metadata"]["name"]
    assert len(long) <= 63


def test_so_many_former_versions_stay_on_the_volume() -> None:
    kept = render({**fetching(), "rollout": {"keepVersions": 4}})
    assert "--keep=5" in kept.one("Job")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--keep=5" in kept.pod["initContainers"][0]["args"]


def test_a_policy_lets_it_download_and_the_operator_ask_it() -> None:
    policy = render({**fetching(), "networkPolicy": {"enabled": True}})
    labels = policy.one("Job")["spec"]["template"]["metadata"]["labels"]
    ours = policy.one("NetworkPolicy", "-fetch")["spec"]
    assert ours["podSelector"]["matchLabels"].items() <= labels.items()
    assert ours["egress"][:2] == policy.one("NetworkPolicy", "demo")["spec"]["egress"][:2]


def test_only_the_operator_may_ask_for_it() -> None:
    assert "fetch is set, which is the operator's alone" in refusal({**fetching(), "operator": {"enabled": True}})
