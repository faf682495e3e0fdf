"""A release may be called anything Helm accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.rendering import CPU_DEMO, Rendered, Values, render

LABEL = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
LONGEST = "a" * 53
"""Helm's own limit."""

OTHER: Values = {"fullnameOverride": "second"}


def names(rendered: Rendered) -> set[str]:
    return {found["metadata"]["name"] for found in rendered.objects}


@pytest.mark.parametrize("release", ["demo", "a.b", "1", "9.lives", LONGEST, "0" * 53, "a-" * 26 + "a", "x.y" * 17])
def test_release_names_become_valid_names_of_services(release: str) -> None:
    for name in names(render(CPU_DEMO, release=release)):
        assert LABEL.match(name), name
        assert len(name) <= 63, name


@pytest.mark.parametrize("release", ["default", "kubernetes"])
def test_names_of_kubernetes_own_objects_are_avoided(release: str) -> None:
    found = names(render(CPU_DEMO, release=release))
    assert release not in found
    assert all(name.startswith(f"{release}-") for name in found)


@pytest.mark.parametrize("name", ["123", "1.2", "1e3", "0x10", "true", "null", "on", "no", "y", "2026-11-27"])
def test_what_yaml_takes_for_something_else_stays_a_string(name: str) -> None:
    """Release, namespace, service account; the API server refuses a label that is a number."""
    values = {"serviceAccount": {"name": name}, "image": {"pullSecrets": [name]}, "autoscaling": {"enabled": True}}
    more = {"networkPolicy": {"enabled": True}, "serviceMonitor": {"enabled": True}}
    operator = {"operator": {"enabled": True, "clusterWide": True, "crdUpgrade": {"enabled": True}}}
    routes = {
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}]},
        "ingress": {"enabled": True, "hosts": ["h"]},
    }
    objects = render(
        {**values, **more, **operator, **routes}, case="shared-cache-rwx", release=name, namespace=name, tests=True
    ).objects
    found = [each for rendered in objects for each in called(rendered)]
    assert found.count(name) > 50
    assert [each for each in found if not isinstance(each, str)] == []


def called(tree: Any) -> Iterator[Any]:
    """All names, namespaces and values of labels in an object."""
    if isinstance(tree, list):
        for each in tree:
            yield from called(each)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in ("labels", "matchLabels", "selector") and all(
                not isinstance(each, dict) for each in value.values()
            ):
                yield from value.values()
            elif key in ("name", "namespace", "serviceAccountName"):
                yield value
            else:
                yield from called(value)


def test_what_renews_the_crd_has_a_name_that_fits_a_label() -> None:
    values: Values = {"operator": {"enabled": True, "crdUpgrade": {"enabled": True}}}
    for release in ("a" * 52, "0" * 53):
        assert len(render(values, release=release, tests=True).one("Job")["metadata"]["name"]) <= 63


def test_an_ordinary_name_is_kept() -> None:
    assert names(render(CPU_DEMO, release="demo")) == {"demo", "demo-headless"}


@pytest.mark.parametrize(("one", "other"), [("a.b", "a-b"), ("1", "r-1"), ("a.b-c", "a-b.c"), (LONGEST, "a" * 52)])
def test_two_releases_never_meet(one: str, other: str) -> None:
    assert not names(render(CPU_DEMO, release=one)) & names(render(CPU_DEMO, release=other))


def test_every_object_carries_the_recommended_labels_and_the_namespace() -> None:
    for found in render(case="everything").objects:
        if found["kind"] == "ConfigMap":
            continue
        labels = found["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "bge-reranker"
        assert labels["app.kubernetes.io/instance"] == "demo"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["team"] == "search"
        assert found["metadata"]["namespace"] == "search"


def test_the_selector_is_the_same_whatever_the_values() -> None:
    def selectors(rendered: Rendered) -> list[object]:
        services = [service["spec"]["selector"] for service in rendered.all("Service")]
        return [rendered.one("Deployment")["spec"]["selector"]["matchLabels"], *services]

    for case in ("everything", "minimal", "default"):
        rendered = render(case=case)
        expected = {
            "app.kubernetes.io/name": "bge-reranker",
            "app.kubernetes.io/instance": "demo",
            "app.kubernetes.io/component": "scorer",
            "bge-reranker.io/fullname": rendered.one("Deployment")["metadata"]["name"],
        }
        assert all(selector == expected for selector in selectors(rendered))


def test_two_that_share_a_name_but_not_their_full_name_share_no_pod_and_no_service() -> None:
    one, other = (render({**values, "serviceMonitor": {"enabled": True}}, case="everything") for values in ({}, OTHER))
    for mine, theirs in ((one, other), (other, one)):
        found = [labels_of(each) for each in theirs.objects] + [labels_of(pod_template(theirs))]
        asked = [selector for each in mine.objects for selector in label_selectors(each)]
        assert len(asked) >= 7
        for selector in asked:
            assert selector["app.kubernetes.io/instance"] == "demo"
            assert not [labels for labels in found if selector.items() <= labels.items()], selector


def test_every_selector_finds_something_of_its_own_release() -> None:
    rendered = render(case="everything", tests=True)
    found = [labels_of(each) for each in rendered.objects] + [labels_of(pod_template(rendered))]
    for each in rendered.objects:
        for selector in label_selectors(each):
            assert [labels for labels in found if selector.items() <= labels.items()], (each["kind"], selector)


def test_callers_keep_a_service_s_name_whatever_all_else_is_called() -> None:
    values: Values = {"service": {"name": "rerank"}, "ingress": {"enabled": True, "hosts": ["h"]}}
    rendered = render({**CPU_DEMO, **values, "fullnameOverride": "second"}, tests=True)
    assert names(rendered) == {"second", "second-headless", "second-test", "second-doctor", "rerank"}
    (path,) = rendered.one("Ingress")["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == "rerank"
    (address,) = (
        each["args"][0] for pod in rendered.all("Pod") for each in pod["spec"]["containers"] if each["name"] == "ask"
    )
    assert address == "http://rerank:8000"


def labels_of(body: Any) -> dict[str, str]:
    found: dict[str, str] = body["metadata"].get("labels", {})
    return found


def pod_template(rendered: Rendered) -> dict[str, Any]:
    found: dict[str, Any] = rendered.one("Deployment")["spec"]["template"]
    return found


def label_selectors(tree: Any) -> Iterator[dict[str, str]]:
    """Every selector in an object that is about objects of the scorer; the operator may run in another release."""
    if isinstance(tree, list):
        for each in tree:
            yield from label_selectors(each)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in ("matchLabels", "selector") and value.get("app.kubernetes.io/name") == "bge-reranker":
                yield value
            else:
                yield from label_selectors(value)
