"""A Reranker's model changes under load: for the better, for the worse, and for what broke on its way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.changing import ON_NODES, Changing
from tests.e2e.editions import golden_set, scores_of
from tests.e2e.hub_pod import model_hub
from tests.e2e.kubernetes import Cluster, SearchPod, wait_until
from tests.e2e.operated import Operated

RATE = 5.0
"""Requests a second of the steady load."""

GATE: dict[str, Any] = {"goldenSet": golden_set(), "minNdcgAt10": 0.8}


@pytest.fixture(scope="module")
def changing(
    cluster: Cluster, image: str, operator_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Changing]:
    """Two replicas serve the hub's model, which passed the gate."""
    known = scores_of(("", "better"), tmp_path_factory.mktemp("editions"))
    with model_hub(cluster, image) as hub, cluster.namespace("rr-e2e-versions") as namespace:
        products = Operated(namespace, image)
        products.install_operator(operator_image)
        changing = Changing(products, hub, known, {"cache": ON_NODES, "gate": GATE})
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
    status = changing.products.get()["status"]
    entry = status["history"][0]
    assert (entry["revision"], entry["verdict"], entry["digest"]) == ("better", "Active", changing.known["better"][0])
    assert status["model"]["active"]["gate"]["figures"]["ndcg_at_10"] >= GATE["minNdcgAt10"]


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
        assert (model_ready["status"], model_ready["reason"] in codes) == ("False", True), model_ready
        assert products.condition("Available")["status"] == "True"
        wait_until(changing.is_settled, "the pods are those that served before")
        products.kill_operator()
        products.namespace.kubectl("rollout", "status", "deployment/operator-operator", "--timeout=60s")
        # A round of the new operator, which has nothing but the cluster to go by.
        products.namespace.kubectl("label", "deployment/products", "app.kubernetes.io/part-of=nothing", "--overwrite")
        wait_until(lambda: "part-of: nothing" not in _labels(products), "the new operator works")
        outcomes = load.outcome()
    changing.check(outcomes, "better")
    status = products.get()["status"]
    assert (status["state"], status["history"][0]["verdict"]) == ("RolledBack", model_ready["reason"])
    assert '"revision":"better"' in changing.revision()
    reasons = {event["reason"] for event in products.namespace.get("events")["items"]}
    assert model_ready["reason"] in reasons


def _labels(products: Operated) -> str:
    labels = products.get("deployment")["metadata"]["labels"]
    return "\n".join(f"{name.rpartition('/')[2]}: {value}" for name, value in labels.items())
