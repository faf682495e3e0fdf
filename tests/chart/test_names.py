"""A release may be called anything Helm accepts."""

from __future__ import annotations

import re

import pytest

from tests.chart.rendering import CPU_DEMO, Rendered, render

LABEL = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
LONGEST = "a" * 53
"""Helm's own limit."""


def names(rendered: Rendered) -> set[str]:
    return {found["metadata"]["name"] for found in rendered.objects}


@pytest.mark.parametrize("release", ["demo", "a.b", "1", "9.lives", LONGEST, "0" * 53, "a-" * 26 + "a", "x.y" * 17])
def test_release_names_become_valid_names_of_services(release: str) -> None:
    for name in names(render(CPU_DEMO, release=release)):
        assert LABEL.match(name), name
        assert len(name) <= 63, name


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

    expected = {
        "app.kubernetes.io/name": "bge-reranker",
        "app.kubernetes.io/instance": "demo",
        "app.kubernetes.io/component": "scorer",
    }
    for case in ("everything", "minimal", "default"):
        assert all(selector == expected for selector in selectors(render(case=case)))
