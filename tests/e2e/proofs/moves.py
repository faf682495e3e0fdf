"""From one Deployment to another under load: no request may be lost, neither by name nor by address.

A Helm release that becomes a Reranker, a Reranker and a release that are renamed, each by the commands of the
documentation where there are some, and a new name whose pods never answer. Two replicas, 5 requests a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.e2e.documented import documented, run_documented
from tests.e2e.helm import Release
from tests.e2e.image_names import OPERATOR_IMAGE
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, failures, search_pod, wait_until
from tests.e2e.operated import Operated

ADDITIONS = ("crds",)
RATE = 5.0
BROKEN_S = 30.0
"""Time for which a new name has a wrong image."""


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Each in turn, with the requests that were sent meanwhile."""
    with search_pod(cluster, search_image, "rr-e2e-moves-search") as search:
        return {
            "a release becomes a Reranker": _release_to_reranker(cluster, image, search),
            "a Reranker is renamed": _renamed_reranker(cluster, image, search),
            "a release is renamed": _renamed_release(cluster, image, search),
        }


def _release_to_reranker(cluster: Cluster, image: str, search: SearchPod) -> dict[str, Any]:
    (block,) = documented("docs/operator.md", "From a Helm release to a Reranker")
    with cluster.namespace("rr-e2e-handed-over") as namespace:
        demo = Operated(namespace, image, "demo")
        demo.install_operator(OPERATOR_IMAGE)
        release = Release("demo", namespace, image)
        release.install({"operator": {"enabled": False}, "replicas": 2}, "--skip-crds")
        address = _address(namespace, "demo")
        found = _under_load(search, release.url, partial(run_documented, block, namespace), namespace)
        assert _address(namespace, "demo") == address, "the Service keeps its address"
        assert _deployments(namespace) == {"demo-2", "operator-operator"}
        return found


def _renamed_reranker(cluster: Cluster, image: str, search: SearchPod) -> dict[str, Any]:
    with cluster.namespace("rr-e2e-renamed") as namespace:
        products = Operated(namespace, image)
        products.install_operator(OPERATOR_IMAGE)
        named = {"service": {"name": "rerank"}}
        products.apply(**named)
        products.await_ready()
        address = _address(namespace, "rerank")

        def move() -> None:
            wrong = {"image": {"registry": "localhost", "repository": "no-such-image", "tag": "1"}}
            products.apply(**named, **wrong, fullnameOverride="second")
            products.await_reason("Ready", "ImagePull")
            time.sleep(BROKEN_S)
            assert products.condition("Available")["status"] == "True"
            products.apply(**named, fullnameOverride="second")
            products.await_reason("Ready", "AllReplicasReady", 280)

        url = products.another("rerank").url
        found = _under_load(search, url, move, namespace)
        assert _address(namespace, "rerank") == address, "the Service keeps its address"
        assert _deployments(namespace) == {"second", "operator-operator"}
        return {**found, "of which with a wrong image_s": BROKEN_S}


def _renamed_release(cluster: Cluster, image: str, search: SearchPod) -> dict[str, Any]:
    keeps, goes_on, goes = documented("charts/bge-reranker/README.md", "Renaming")
    variables = "\n".join(line for line in keeps.splitlines() if line.startswith(("KINDS=", "FORMER=")))
    with cluster.namespace("rr-e2e-release-renamed") as namespace:
        release = Release("demo", namespace, image)
        release.install({"operator": {"enabled": False}, "replicas": 2}, "--skip-crds")
        address = _address(namespace, "demo")

        def rename() -> None:
            run_documented(keeps, namespace)
            run_documented(goes_on, namespace)
            run_documented(goes, namespace, before=variables)

        found = _under_load(search, release.url, rename, namespace)
        assert _address(namespace, "demo") == address, "the Service keeps its address"
        assert _deployments(namespace) == {"ranker"}
        return found


def _under_load(search: SearchPod, url: str, change: Callable[[], object], namespace: Namespace) -> dict[str, Any]:
    """Make a change while requests come in, until the former pods have ended."""
    before = _scorers(namespace)
    with search.start_load(url, RATE) as load:
        began = time.monotonic()
        change()
        wait_until(lambda: not _scorers(namespace) & before, "the former pods have ended", 280)
        took_s = round(time.monotonic() - began, 1)
        outcomes = load.outcome()
    assert failures(outcomes) == [], failures(outcomes)
    return {"seconds": took_s, "requests": len(outcomes), "failed": 0}


def _scorers(namespace: Namespace) -> set[str]:
    found = namespace.get("pods", "--selector=app.kubernetes.io/component=scorer")["items"]
    return {pod["metadata"]["uid"] for pod in found}


def _deployments(namespace: Namespace) -> set[str]:
    return {each["metadata"]["name"] for each in namespace.get("deployments")["items"]}


def _address(namespace: Namespace, service: str) -> str:
    return str(namespace.get("service", service)["spec"]["clusterIP"])
