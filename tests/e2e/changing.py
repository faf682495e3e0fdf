"""A Reranker whose model comes from a hub and changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.e2e.editions import wrong_scores
from tests.e2e.kubernetes import failures, wait_until
from tests.e2e.model_hub import NAME
from tests.e2e.operated import Operated

ON_NODES: dict[str, Any] = {"type": "emptyDir", "size": "1Gi"}


@dataclass(frozen=True)
class Changing:
    """The Reranker, and what its editions are.

    Attributes:
        hub: Address of the hub.
        known: Digest and scores of each edition.
        spec: What it has beside its model.
    """

    products: Operated
    hub: str
    known: dict[str, tuple[str, list[float]]]
    spec: dict[str, Any] = field(default_factory=lambda: {"cache": ON_NODES})

    def change(self, revision: str, repository: str = NAME, **more: Any) -> None:
        """Ask for a revision; more of `model` goes with it, and more of the spec in the place of what it has."""
        model = {"source": f"hf://{repository}", "revision": revision, **more.pop("model", {})}
        self.products.apply(**{"model": model, "hub": {"endpoint": self.hub}, **self.spec, **more})

    def await_active(self, edition: str) -> None:
        """Until every pod serves an edition, and the status says which it is."""
        self.products.await_ready()
        digest = self.known[edition][0]
        wait_until(lambda: self.products.get()["status"]["model"].get("active", {}).get("digest") == digest, edition)

    def state(self) -> str:
        """The column STATE."""
        return str(self.products.get().get("status", {}).get("state", ""))

    def revision(self) -> str:
        """Of the pod template."""
        annotations = self.products.get("deployment")["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["bge-reranker.io/model"])

    def is_settled(self) -> bool:
        """Whether all pods have the same template and are available."""
        status = self.products.get("deployment")["status"]
        return [status.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")] == [2, 2, 2]

    def check(self, outcomes: list[dict[str, Any]], *editions: str) -> None:
        """No request failed, and each answer has the scores of its digest, which is one of these."""
        assert failures(outcomes) == []
        assert wrong_scores(outcomes, dict(self.known[edition] for edition in editions)) == []
