"""From the version before to this one, under load: a release of the chart, the operator with its CRD, and a Reranker.

The version before is that of the last tag, built from there; `ARGS="--from REF"` begins with any other commit. At first
everything is that version's: images, chart, CRD. No request may be lost on the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from tests.cluster import loading
from tests.e2e.helm import CHART, Release
from tests.e2e.image_names import OPERATOR_IMAGE, VERSION
from tests.e2e.kubernetes import Cluster, SearchPod, failures, search_pod
from tests.e2e.operated import Operated, served_schema
from tests.e2e.previous_version import IMAGES, PreviousVersion, previous_version

ADDITIONS = ("crds",)
NAMESPACE = "rr-e2e-upgrade"
RATE = 5.0


@dataclass(frozen=True)
class Upgrade:
    """Both ways to install, as the version before left them.

    Attributes:
        release: Helm's own, without an operator.
        products: A Reranker of the operator beside it.
        image: This version's scorer.
    """

    release: Release
    products: Operated
    image: str

    def steps(self) -> dict[str, Callable[[], None]]:
        """In the order of the chart's page: the operator and its CRD, then what serves."""
        return {"operator and CRD": self._operator, "Reranker": self._reranker, "Helm release": self._release}

    def _operator(self) -> None:
        self.products.upgrade_operator(OPERATOR_IMAGE, "--set=operator.crdUpgrade.enabled=true")
        self.products.await_ready()

    def _reranker(self) -> None:
        replace(self.products, image=self.image).apply()
        self.products.await_ready()

    def _release(self) -> None:
        replace(self.release, chart=CHART, image=self.image).upgrade({"operator.enabled": False})
        self.release.await_settled()


def prove(cluster: Cluster, image: str, search_image: str, revision: str) -> dict[str, Any]:
    """Install the version before, and make it this one."""
    with (
        previous_version(revision) as previous,
        search_pod(cluster, search_image, "rr-e2e-upgrade-search") as search,
        cluster.namespace(NAMESPACE) as namespace,
    ):
        for name in IMAGES.values():
            loading.load(name, Console())
        release = Release("demo", namespace, IMAGES["service-cpu"], chart=previous.chart)
        upgrade = Upgrade(release, Operated(namespace, IMAGES["service-cpu"]), image)
        try:
            _install(upgrade, previous)
            return {"from": previous.revision, "commit": previous.commit, "to": VERSION, **_upgraded(upgrade, search)}
        finally:
            # What comes after on a cluster that is kept wants this version's.
            cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CHART / 'crds'}")


def _install(upgrade: Upgrade, previous: PreviousVersion) -> None:
    upgrade.products.install_operator(IMAGES["operator"], chart=previous.chart)
    upgrade.products.apply()
    upgrade.products.await_ready()
    upgrade.release.install({"operator.enabled": False}, "--skip-crds")
    assert served_schema(upgrade.release.cluster) == _schema(previous.chart)


def _upgraded(upgrade: Upgrade, search: SearchPod) -> dict[str, Any]:
    """Each step with callers of both; seconds and requests."""
    seconds: dict[str, float] = {}
    with (
        search.start_load(upgrade.release.url, RATE) as of_release,
        search.start_load(upgrade.products.url, RATE) as of_products,
    ):
        for name, step in upgrade.steps().items():
            began = time.monotonic()
            step()
            seconds[name] = round(time.monotonic() - began, 1)
        outcomes = {"Helm release": of_release.outcome(), "Reranker": of_products.outcome()}
    for name, found in outcomes.items():
        assert failures(found) == [], (name, failures(found))
    _is_this_version(upgrade)
    return {"seconds": seconds, "requests": {name: len(found) for name, found in outcomes.items()}, "failed": 0}


def _is_this_version(upgrade: Upgrade) -> None:
    assert served_schema(upgrade.release.cluster) == _schema(CHART), "the CRD is this version's"
    namespace = upgrade.release.namespace
    found = {
        container["image"]
        for deployment in namespace.get("deployments")["items"]
        for container in deployment["spec"]["template"]["spec"]["containers"]
    }
    assert found == {upgrade.image, OPERATOR_IMAGE}, found


def _schema(chart: Path) -> str:
    definition = yaml.safe_load((chart / "crds" / "rerankers.yaml").read_text(encoding="utf-8"))
    return str(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"])
