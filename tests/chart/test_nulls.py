"""A null takes a value's default away, as `key:` with nothing behind it does: told of in a sentence, or of no harm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generate.chart.values_schema import leaves
from tests.chart.rendering import CHART, refusal, render

REQUIRED: list[str] = json.loads((CHART / "files" / "required-values.json").read_text(encoding="utf-8"))
OPTIONAL = [path for path in leaves((CHART / "values.yaml").read_text(encoding="utf-8")) if path not in REQUIRED]
ASKED_FOR = {
    "resources": "resources.requests.cpu is missing",
    "extraVolumes": "extraVolumeMounts: lists is no volume of the pod",
    "config": "secrets.jwks.name needs config.guard.jwtIssuer",
    "gate.configMap.name": "gate.configMap.sha256 is given and gate.configMap.name is empty",
    "gate.configMap.sha256": "gate.configMap.sha256 is empty, so that nobody could tell",
    "secrets.internalToken.name": "Name a Secret in secrets.internalToken.name",
    "networkPolicy.egressPorts": "networkPolicy.egressPorts is empty",
    "ingress.hosts": "ingress.hosts is empty",
    "httpRoute.parentRefs": "httpRoute.parentRefs is empty",
}
"""What the case `everything` cannot do without, because of what else is in it."""

HARMLESS = [path for path in OPTIONAL if path not in ASKED_FOR]
TOGETHER = [HARMLESS[first :: len(HARMLESS) // 8] for first in range(len(HARMLESS) // 8)]
"""Eight in one rendering, far from one another in the values: each alone costs a process of Helm."""


def nothing(*paths: str) -> dict[str, Any]:
    """The values with null at each path."""
    values: dict[str, Any] = {}
    for path in paths:
        *parents, last = path.split(".")
        inner = values
        for name in parents:
            inner = inner.setdefault(name, {})
        inner[last] = None
    return values


@pytest.mark.parametrize("path", REQUIRED)
def test_a_null_that_leaves_a_hole_is_refused_with_the_way_out(path: str) -> None:
    said = refusal(nothing(path))
    assert f"- {path} is null, and a release cannot be made without it." in said
    assert said.count(" is null") == 1


@pytest.mark.parametrize("path", ASKED_FOR)
def test_a_null_of_what_other_values_need_is_refused_by_their_sentence(path: str) -> None:
    assert path in OPTIONAL
    assert ASKED_FOR[path] in refusal(nothing(path), case="everything")


@pytest.mark.parametrize("paths", TOGETHER, ids=lambda paths: f"{paths[0]} and {len(paths) - 1} more")
def test_nulls_of_anything_else_are_nothing(paths: list[str]) -> None:
    assert render(nothing(*paths), case="everything", tests=True).objects
