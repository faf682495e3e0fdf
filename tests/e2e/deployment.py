"""The service and its search team, deployed: what the tests and the long proofs start from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.kubernetes import Cluster, SearchPod, wait_until

SCORER = "rr-e2e-scorer"
SEARCH = "rr-e2e-search"
URL = f"http://reranker.{SCORER}.svc.cluster.local:8000"
"""The Service by its name, as the search team knows it."""

RATE = 5.0
"""Requests a second of the steady load."""

IN_SCORER = f"--namespace={SCORER}"


@contextmanager
def deployed(cluster: Cluster, image: str, search_image: str) -> Iterator[SearchPod]:
    """Both sides ready; gone afterwards."""
    cluster.delete_namespaces(SCORER, SEARCH, wait=True)
    cluster.apply("scorer.yaml", NAMESPACE=SCORER, IMAGE=image)
    cluster.apply("search.yaml", NAMESPACE=SEARCH, IMAGE=search_image)
    roll_out(cluster)
    cluster.kubectl("wait", "pod/search", "--for=condition=Ready", f"--namespace={SEARCH}", "--timeout=120s")
    yield SearchPod(cluster, SEARCH)
    cluster.delete_namespaces(SCORER, SEARCH, wait=False)


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
