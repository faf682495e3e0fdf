"""The last Helm 3: install, upgrade, rollback, test and uninstall, under load."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from tests.cluster.building import build_tools
from tests.cluster.tools import HELM_3
from tests.e2e.helm import Release
from tests.e2e.image_names import OTHER_IMAGE
from tests.e2e.kubernetes import Cluster, failures, search_pod

ADDITIONS = ("crds",)
RATE = 5.0


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """One life of a release."""
    build_tools(Console(), [HELM_3])
    program = HELM_3.program("helm")
    with (
        search_pod(cluster, search_image, "rr-e2e-helm-3-search") as search,
        cluster.namespace("rr-e2e-helm-3") as namespace,
    ):
        release = Release("demo", namespace, image, program)
        release.install()
        with search.start_load(release.url, RATE) as load:
            Release("demo", namespace, OTHER_IMAGE, program).upgrade({"replicas": 3})
            release.await_settled()
            release.rollback()
            release.await_settled()
            outcomes = load.outcome()
        assert failures(outcomes) == [], failures(outcomes)
        tested = release.helm("test", release.name)
        assert "Phase:          Succeeded" in tested
        release.helm("uninstall", release.name, "--wait")
    return {"helm": release.helm("version", "--short").strip(), "requests": len(outcomes), "failed": 0}
