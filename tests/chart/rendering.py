"""Renders the chart with the helm that `make helm` builds."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests import needs
from tests.cluster.tools import HELM
from tests.in_ci import lacking

CHART = Path(__file__).resolve().parents[2] / "charts" / "bge-reranker"
CASES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
KUBE_VERSION = "1.34.4"

Values = dict[str, Any]

CPU_DEMO: Values = {"model": {"source": "demo"}, "gpu": {"count": 0}}
"""The embedded model on a CPU."""


@dataclass(frozen=True)
class Rendered:
    """The objects of a release."""

    objects: list[dict[str, Any]]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str, suffix: str = "") -> dict[str, Any]:
        found = [each for each in self.all(kind) if each["metadata"]["name"].endswith(suffix)]
        assert len(found) == 1, f"{len(found)} of {kind}"
        return found[0]

    @property
    def pod(self) -> dict[str, Any]:
        """The scorer's, of the served version."""
        served = [each for each in self.all("Deployment") if not each["metadata"]["name"].endswith("-shadow")]
        assert len(served) == 1, f"{len(served)} of Deployment"
        spec: dict[str, Any] = served[0]["spec"]["template"]["spec"]
        return spec

    @property
    def scorer(self) -> dict[str, Any]:
        container: dict[str, Any] = self.pod["containers"][0]
        assert container["name"] == "scorer"
        return container

    @property
    def settings(self) -> dict[str, Any]:
        """What the service is told."""
        value = next(each["value"] for each in self.scorer["env"] if each["name"] == "BGE_RERANKER_CONFIG")
        settings: dict[str, Any] = json.loads(value)
        return settings


def helm(*arguments: str, text_input: str = "") -> subprocess.CompletedProcess[str]:
    """Run helm; where it is missing the test is skipped, in CI it fails."""
    if not HELM.is_built:
        lacking(needs.HELM.lack)
    return subprocess.run([HELM.program(), *arguments], input=text_input, capture_output=True, text=True, check=False)


def render(
    values: Values | None = None,
    *,
    case: str = "",
    release: str = "demo",
    namespace: str = "search",
    tests: bool = False,
) -> Rendered:
    """The objects of a release, rendered as the operator does."""
    options = [] if tests else ["--no-hooks", "--skip-tests"]
    done = _template(values, case, release, f"--namespace={namespace}", *options)
    assert done.returncode == 0, done.stderr
    return Rendered([found for found in yaml.safe_load_all(done.stdout) if found])


def refusal(values: Values, release: str = "demo", *, case: str = "", namespace: str = "search") -> str:
    """What helm says where it refuses."""
    done = _template(values, case, release, f"--namespace={namespace}")
    assert done.returncode != 0, "these values should have been refused"
    return done.stderr


def problems(values: Values) -> list[str]:
    """The sentences with which the chart refuses, of those that are its own and not the schema's."""
    return [line[2:] for line in refusal(values).split("\n") if line.startswith("- ")]


def helm_says(values: Values) -> str:
    """What helm says, whether it refuses or not."""
    return _template(values, "", "demo", "--namespace=search").stderr


def _template(values: Values | None, case: str, release: str, *options: str) -> subprocess.CompletedProcess[str]:
    files = ["--values", str(CHART / "ci" / f"{case}-values.yaml")] if case else []
    without = [] if "operator" in (values or {}) else ["--set=operator.enabled=false"]
    arguments = ["template", release, str(CHART), f"--kube-version={KUBE_VERSION}", *options]
    return helm(*arguments, *without, *files, "--values=-", text_input=json.dumps(values or {}))
