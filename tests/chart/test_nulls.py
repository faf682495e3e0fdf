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
    "gate.configMap.name": "gate.configMap.sha256 is given and gate.configMap.name is empty",
    "gate.configMap.sha256": "gate.configMap.sha256 is empty, so that nobody could tell",
    "secrets.internalToken.name": "Name a Secret in secrets.internalToken.name",
    "networkPolicy.egressPorts": "networkPolicy.egressPorts is empty",
    "ingress.hosts": "ingress.hosts is empty",
    "httpRoute.parentRefs": "httpRoute.parentRefs is empty",
}
"""What the case `everything` cannot do without, because of what else is in it."""


def nothing(path: str) -> dict[str, Any]:
    """The values with null at the path."""
    values: Any = None
    for name in reversed(path.split(".")):
        values = {name: values}
    return dict(values)


@pytest.mark.parametrize("path", REQUIRED)
def test_a_null_that_leaves_a_hole_is_refused_with_the_way_out(path: str) -> None:
    said = refusal(nothing(path))
    assert f"- {path} is null, and a release cannot be made without it." in said
    assert said.count(" is null") == 1


@pytest.mark.parametrize("path", OPTIONAL)
def test_a_null_of_anything_else_is_nothing(path: str) -> None:
    if path in ASKED_FOR:
        assert ASKED_FOR[path] in refusal(nothing(path), case="everything")
    else:
        assert render(nothing(path), case="everything", tests=True).objects
