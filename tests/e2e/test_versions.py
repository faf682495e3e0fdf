"""A Reranker's model changes under load: for the better, for the worse, and for what broke on its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.editions import golden_set, scores_of, wrong_scores
from tests.e2e.hub_pod import model_hub
from tests.e2e.kubernetes import Cluster, SearchPod, failures, wait_until
from tests.e2e.model_hub import NAME
from tests.e2e.operated import Operated

RATE = 5.0
"""Requests a second of the steady load."""

LEAST_NDCG = 0.8


@dataclass(frozen=True)
class Changing:
    """A Reranker with a gate, whose model comes from a hub.

    Attributes:
        known: Digest and scores of each edition.
    """

    products: Operated
    hub: str
    known: dict[str, tuple[str, list[float]]]

    def change(self, revision: str) -> None:
        self.products.apply(
            model={"source": f"hf://{NAME}", "revision": revision},
            hub={"endpoint": self.hub},
            cache={"type": "emptyDir", "size": "1Gi"},
            gate={"goldenSet": golden_set(), "minNdcgAt10": LEAST_NDCG},
        )

    def await_active(self, edition: str) -> None:
        """Until every pod serves an edition, and the status says which it is."""
        self.products.await_ready()
        digest = self.known[edition][0]
        wait_until(lambda: self.products.get()["status"]["model"].get("active", {}).get("digest") == digest, edition)

    def check(self, outcomes: list[dict[str, Any]], *editions: str) -> None:
        """No request failed, and each answer has the scores of its digest, which is one of these."""
        assert failures(outcomes) == []
        assert wrong_scores(outcomes, dict(self.known[edition] for edition in editions)) == []


@pytest.fixture(scope="module")
def changing(
    cluster: Cluster, image: str, operator_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Changing]:
    """Two replicas serve the hub's model."""
    known = scores_of(("", "better", "scrambled"), tmp_path_factory.mktemp("editions"))
    with model_hub(cluster, image) as hub, cluster.namespace("rr-e2e-versions") as namespace:
        products = Operated(namespace, image)
        products.install_operator(operator_image)
        changing = Changing(products, hub, known)
        changing.change("main")
        changing.await_active("")
        yield changing


def test_a_better_version_takes_over_without_a_failed_request(changing: Changing, search: SearchPod) -> None:
    with search.start_load(changing.products.url, RATE) as load:
        changing.change("better")
        changing.products.namespace.kubectl("wait", "reranker/products", "--for=condition=ModelReady", "--timeout=280s")
        changing.await_active("better")
        outcomes = load.outcome()
    changing.check(outcomes, "", "better")
    assert {each["digest"] for each in outcomes} == {changing.known[edition][0] for edition in ("", "better")}
    entry = changing.products.get()["status"]["history"][0]
    assert (entry["revision"], entry["verdict"], entry["digest"]) == ("better", "Active", changing.known["better"][0])


@pytest.mark.parametrize(
    ("revision", "codes"), [("scrambled", {"GateFailed"}), ("flipped", {"CorruptFile", "DigestMismatch"})]
)
def test_a_version_that_is_worse_or_broken_never_answers_and_what_served_serves_on(
    changing: Changing, search: SearchPod, revision: str, codes: set[str]
) -> None:
    products = changing.products
    with search.start_load(products.url, RATE) as load:
        changing.change(revision)
        products.await_reason("Ready", "RolledBack")
        model_ready = products.condition("ModelReady")
        assert model_ready["status"] == "False"
        assert model_ready["reason"] in codes
        assert products.condition("Available")["status"] == "True"
        assert '"revision":"better"' in _live_model(products)
        products.kill_operator()
        products.namespace.kubectl("wait", "reranker/products", "--for=condition=Available", "--timeout=60s")
        wait_until(lambda: _is_settled(products), "the pods are those that served before")
        outcomes = load.outcome()
    changing.check(outcomes, "better")
    status = products.get()["status"]
    assert (status["state"], status["history"][0]["verdict"]) == ("RolledBack", model_ready["reason"])
    assert '"revision":"better"' in _live_model(products)
    reasons = {event["reason"] for event in products.namespace.get("events")["items"]}
    assert reasons & codes


def _live_model(products: Operated) -> str:
    annotations: dict[str, str] = products.get("deployment")["spec"]["template"]["metadata"]["annotations"]
    return annotations["bge-reranker.io/model"]


def _is_settled(products: Operated) -> bool:
    status = products.get("deployment")["status"]
    return [status.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")] == [2, 2, 2]
