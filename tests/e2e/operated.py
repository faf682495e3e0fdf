"""Rerankers and the operator that serves them, in a namespace of a cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.commands import run
from tests.cluster.tools import HELM
from tests.e2e.helm import CHART
from tests.e2e.kubernetes import Cluster, Namespace, service_url, wait_until

OPERATOR = "app.kubernetes.io/name=bge-reranker-operator"


@dataclass(frozen=True)
class Operated:
    """A namespace with the operator, and one Reranker in it.

    Attributes:
        image: The scorer's image, as the cluster's nodes know it.
    """

    namespace: Namespace
    image: str
    name: str = "products"

    def install_operator(self, image: str, *options: str, release: str = "operator", chart: Path = CHART) -> None:
        """The chart with the operator alone, ready."""
        self.namespace.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={chart / 'crds'}")
        self._operator("install", image, "--skip-crds", *options, release=release, chart=chart)

    def upgrade_operator(self, image: str, *options: str, release: str = "operator", chart: Path = CHART) -> None:
        """The release of `install_operator`, to another image and chart, ready."""
        self._operator("upgrade", image, *options, release=release, chart=chart)

    def _operator(self, command: str, image: str, *options: str, release: str, chart: Path) -> None:
        repository, _, tag = image.rpartition(":")
        registry, _, name = repository.partition("/")
        values = {
            "scorer.enabled": False,
            "image.registry": registry,
            "operator.image.repository": name,
            "operator.image.tag": tag,
        }
        given = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
        context, place = self.namespace.cluster.context, self.namespace.name
        arguments = [
            str(HELM.program()),
            f"--kube-context={context}",
            f"--namespace={place}",
            command,
            release,
            str(chart),
        ]
        run([*arguments, *given, *options, "--wait", "--timeout=280s"])

    @property
    def url(self) -> str:
        """As other namespaces know it; what `status.endpoint` says with the cluster's domain."""
        return service_url(self.name, self.namespace.name)

    def another(self, name: str) -> Operated:
        return replace(self, name=name)

    def apply(self, **spec: Any) -> None:
        """Create or change the Reranker: the embedded model on CPUs, and this."""
        repository, _, tag = self.image.rpartition(":")
        registry, _, image = repository.partition("/")
        whole = {
            "model": {"source": "demo"},
            "gpu": {"count": 0},
            "replicas": 2,
            "image": {"registry": registry, "repository": image, "tag": tag},
            "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
            **spec,
        }
        metadata = {"name": self.name, "namespace": self.namespace.name}
        body = {"apiVersion": "bge-reranker.io/v1alpha1", "kind": "Reranker", "metadata": metadata, "spec": whole}
        self.namespace.kubectl("apply", "--filename=-", text_input=json.dumps(body))

    def get(self, kind: str = "reranker") -> dict[str, Any]:
        return self.namespace.get(kind, self.name)

    def condition(self, kind: str) -> dict[str, Any]:
        """One condition that is about the newest generation; empty while there is none."""
        found = self.get()
        conditions = found.get("status", {}).get("conditions", [])
        return next(
            (
                each
                for each in conditions
                if each["type"] == kind and each["observedGeneration"] == found["metadata"]["generation"]
            ),
            {},
        )

    def await_reason(self, kind: str, reason: str, limit_s: float = 180) -> dict[str, Any]:
        try:
            wait_until(lambda: self.condition(kind).get("reason") == reason, f"{kind} because of {reason}", limit_s)
        except AssertionError as failure:
            failure.add_note(f"The Reranker: {json.dumps(self.get(), indent=1)}")
            raise
        return self.condition(kind)

    def await_ready(self) -> None:
        """Until the Reranker is what its newest spec says, and pods that are not have ended."""
        self.await_reason("Ready", "AllReplicasReady", 280)
        selector = "--selector=app.kubernetes.io/component=scorer,app.kubernetes.io/instance=" + self.name
        count = self.get("deployment")["spec"]["replicas"]
        wait_until(lambda: len(self.namespace.get("pods", selector)["items"]) == count, "old pods have ended", 280)

    def active_source(self) -> str:
        """Source of the model that the status calls active."""
        return str(self.get().get("status", {}).get("model", {}).get("active", {}).get("source", ""))

    def kill_operator(self) -> None:
        """At once, without a word to it."""
        self.namespace.kubectl("delete", "pod", f"--selector={OPERATOR}", "--grace-period=0", "--force")

    def children(self) -> list[str]:
        """Names of everything that the garbage collector is to take with the Reranker."""
        kinds = "deployments,services,serviceaccounts,poddisruptionbudgets,horizontalpodautoscalers"
        selector = f"--selector=app.kubernetes.io/managed-by=reranker-operator,app.kubernetes.io/instance={self.name}"
        return [f"{each['kind']}/{each['metadata']['name']}" for each in self.namespace.get(kinds, selector)["items"]]


def served_schema(cluster: Cluster) -> str:
    """What the API server says of its Reranker; the digest of the schema is in it."""
    found = cluster.get("crd/rerankers.bge-reranker.io")
    return str(found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"])


def sampled_rerankers(samples: Path) -> list[str]:
    """Names of the Rerankers among the samples; a Job that fine-tunes is none."""
    documents = [each for file in samples.iterdir() for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    return sorted(each["metadata"]["name"] for each in documents if each["kind"] == "Reranker")
