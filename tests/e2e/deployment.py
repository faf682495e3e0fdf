"""The service by a plain manifest: what the first tests and the long proofs start from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.kubernetes import Cluster, service_url, wait_until

SCORER = "rr-e2e-scorer"
URL = service_url("reranker", SCORER)
"""The Service by its name, as the search team knows it."""

RATE = 5.0
"""Requests a second of the steady load."""

IN_SCORER = f"--namespace={SCORER}"


@contextmanager
def deployed(cluster: Cluster, image: str) -> Iterator[None]:
    """Two replicas ready in a restricted namespace; gone afterwards."""
    with cluster.namespace(SCORER):
        cluster.apply("scorer.yaml", NAMESPACE=SCORER, IMAGE=image)
        roll_out(cluster)
        yield


def roll_out(cluster: Cluster) -> None:
    """Wait until every replica is ready."""
    cluster.kubectl("rollout", "status", "deployment/reranker", IN_SCORER, "--timeout=280s")


def pods(cluster: Cluster) -> list[dict[str, str]]:
    """Name and node of each pod that is not on its way out."""
    found = cluster.get("pods", IN_SCORER, "--selector=app=reranker")["items"]
    return [
        {"name": pod["metadata"]["name"], "node": pod["spec"].get("nodeName", "")}
        for pod in found
        if "deletionTimestamp" not in pod["metadata"]
    ]


def await_gone(cluster: Cluster, names: set[str]) -> None:
    """Until the last of the pods has ended, which is when the last connection to it has."""

    def are_gone() -> bool:
        found = cluster.get("pods", IN_SCORER, "--selector=app=reranker")["items"]
        return not names & {pod["metadata"]["name"] for pod in found}

    wait_until(are_gone, f"{names} end")
