"""Helm against the one cluster that was named."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.commands import run
from tests.cluster.tools import HELM
from tests.e2e.kubernetes import Cluster, Namespace, service_url, wait_until

CHART = Path(__file__).resolve().parents[2] / "charts" / "bge-reranker"
CASES = CHART / "ci"

Values = dict[str, Any]


@dataclass(frozen=True)
class Release:
    """One release of the chart in one namespace.

    Attributes:
        image: The scorer's image, as the cluster's nodes know it.
        program: The helm to use.
        chart: The chart, with the values of cpu-demo in it.
    """

    name: str
    namespace: Namespace
    image: str
    program: Path = field(default_factory=HELM.program)
    chart: Path = CHART

    @property
    def cluster(self) -> Cluster:
        return self.namespace.cluster

    @property
    def url(self) -> str:
        return service_url(self.name, self.namespace.name)

    def install(self, values: Values | None = None, *options: str) -> str:
        """Install cpu-demo with these values over it, and wait until it is ready."""
        return self.helm("install", self.name, *self.chart_and_values(values), "--wait", "--timeout=280s", *options)

    def upgrade(self, values: Values | None = None, *options: str) -> str:
        """As `install`; what is not given is cpu-demo's."""
        return self.helm(*self.upgrade_words(values), "--wait", "--timeout=280s", *options)

    def upgrade_words(self, values: Values | None = None) -> list[str]:
        """An upgrade that does not wait."""
        return ["upgrade", self.name, *self.chart_and_values(values)]

    def chart_and_values(self, values: Values | None = None) -> list[str]:
        """The last output of an install or upgrade."""
        return [str(self.chart), *self._values(values)]

    def rollback(self, *options: str) -> str:
        return self.helm("rollback", self.name, "--wait", "--timeout=280s", *options)

    def helm(self, *arguments: str, text_input: str | None = None) -> str:
        return run(self._command(*arguments), text_input=text_input)

    def refused(self, values: Values) -> str:
        """What `helm install` says where it must fail."""
        arguments = ("install", self.name, *self.chart_and_values(values))
        done = subprocess.run(self._command(*arguments), capture_output=True, text=True, check=False)
        assert done.returncode != 0, f"{values} should have been refused"
        return done.stderr

    def get(self, kind: str) -> dict[str, Any]:
        return self.namespace.get(kind, self.name)

    def pods(self) -> list[dict[str, Any]]:
        """The scorer's pods that are not on their way out."""
        found = self.namespace.get("pods", f"--selector=app.kubernetes.io/instance={self.name}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def await_settled(self) -> None:
        """Every wanted pod is ready, and the last of the others has ended."""
        self.namespace.kubectl("rollout", "status", f"deployment/{self.name}", "--timeout=280s")
        selector = f"--selector=app.kubernetes.io/instance={self.name}"
        wanted = self.get("deployment")["spec"]["replicas"]
        wait_until(lambda: len(self.namespace.get("pods", selector)["items"]) == wanted, "old pods have ended")

    def events(self) -> str:
        return self.namespace.kubectl("get", "events", "--output=custom-columns=REASON:.reason,MESSAGE:.message")

    def _command(self, *arguments: str) -> list[str]:
        return [
            str(self.program),
            f"--kube-context={self.cluster.context}",
            f"--namespace={self.namespace.name}",
            *arguments,
        ]

    def _values(self, values: Values | None) -> list[str]:
        repository, _, tag = self.image.rpartition(":")
        registry, _, name = repository.partition("/")
        image = {"image": {"registry": registry, "repository": name, "tag": tag}}
        given = [f"--set-json={key}={json.dumps(value)}" for key, value in {**image, **(values or {})}.items()]
        return [f"--values={self.chart / 'ci' / 'cpu-demo-values.yaml'}", *given]
