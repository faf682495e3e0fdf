"""A Reranker whose model changes under load: what every scene of the proof `versions` has."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.cluster.layout import NETWORK
from tests.e2e.changing import Changing
from tests.e2e.editions import golden_set, scores_of
from tests.e2e.hub_pod import NAMESPACE as HUB
from tests.e2e.hub_pod import model_hub
from tests.e2e.image_names import OPERATOR_IMAGE
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, search_pod
from tests.e2e.model_hub import PORT as HUB_PORT
from tests.e2e.operated import Operated

RATE = 5.0
"""Requests a second of the steady load."""

SHARED = {"type": "pvc", "size": "1Gi", "storageClass": "shared"}
"""A volume that both nodes share."""

SERVED = ("", "better")
"""Editions whose scores are known."""

GOLDEN_SET = golden_set()
GATE: dict[str, Any] = {"goldenSet": GOLDEN_SET, "minNdcgAt10": 0.8, "maxNdcgLoss": 0.05}

SEARCH, SURVIVOR = "rr-e2e-change-search", "rr-e2e-survivor-search"
"""Namespaces of callers."""

CLOSED: dict[str, Any] = {
    "enabled": True,
    "searchNamespaces": [SEARCH, SURVIVOR],
    "egressCidrs": [NETWORK],
    "egressPorts": [HUB_PORT],
}
"""A policy, which the nodes enforce: callers, the hub, and the scorer's pods among themselves."""


METRICS = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8081/metrics').read().decode())"


@dataclass(frozen=True)
class Bench:
    """What every scene has: the Reranker serves the model itself before it.

    Attributes:
        changing: With two replicas, its cache on `SHARED`, and behind `GATE`.
        search: Where the load comes from.
        image: Of its pod.
    """

    changing: Changing
    search: SearchPod
    image: str

    @property
    def products(self) -> Operated:
        return self.changing.products

    @property
    def namespace(self) -> Namespace:
        return self.products.namespace

    @property
    def cluster(self) -> Cluster:
        return self.namespace.cluster

    def with_spec(self, **more: Any) -> Bench:
        """The same with more in the spec from the next change on."""
        return replace(self, changing=replace(self.changing, spec={**self.changing.spec, **more}))

    def named(self, name: str) -> Bench:
        """Another Reranker beside it."""
        return replace(self, changing=replace(self.changing, products=self.products.another(name)))

    def begin(self) -> None:
        """Have the model itself served."""
        self.changing.change("main")
        self.changing.await_active("")

    @contextmanager
    def loaded(self) -> Iterator[dict[str, Any]]:
        """Under load from begin to end, without a failed request or a score that is not its digest's; the figures."""
        figures: dict[str, Any] = {}
        began = time.monotonic()
        with self.search.start_load(self.products.url, RATE) as load:
            yield figures
            outcomes = load.outcome()
        self.changing.check(outcomes, *SERVED)
        seconds = round(time.monotonic() - began, 1)
        figures.update({"seconds": seconds, "requests": len(outcomes), "failed": 0, "wrong_scores": 0})

    def scorers(self) -> list[dict[str, Any]]:
        """Its pods that are not on their way out."""
        selector = f"--selector=app.kubernetes.io/component=scorer,app.kubernetes.io/instance={self.products.name}"
        found = self.namespace.get("pods", selector)["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def left(self) -> list[str]:
        """Names of what there is of it, the Reranker apart."""
        kinds = "deployments,replicasets,pods,jobs,services,persistentvolumeclaims,networkpolicies"
        selector = f"--selector=app.kubernetes.io/instance={self.products.name}"
        return [f"{each['kind']}/{each['metadata']['name']}" for each in self.namespace.get(kinds, selector)["items"]]

    def files_fetched(self) -> int:
        """How many the hub has sent, by its log."""
        log = self.cluster.kubectl("logs", "hub", f"--namespace={HUB}")
        return sum(line.startswith("FILE ") for line in log.splitlines())

    @contextmanager
    def hub_away(self) -> Iterator[None]:
        """The hub's Service has nobody behind it meanwhile."""
        _select_hub(self.cluster, "nobody")
        try:
            yield
        finally:
            _select_hub(self.cluster, "hub")

    def verdict(self) -> dict[str, Any]:
        """Of the gate, in the status."""
        found: dict[str, Any] = self.products.get()["status"]["model"]["active"]["gate"]
        return found

    def ended_changes(self, code: str) -> float:
        """What the operator's metric counts of changes that ended with a code."""
        program = ("--", "python3", "-c", METRICS)
        lines = self.namespace.kubectl("exec", "deployment/operator-operator", *program).splitlines()
        wanted = f'bge_reranker_operator_model_changes_total{{code="{code}"}} '
        return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))

    def events(self, reason: str) -> list[str]:
        """Messages of the events of a reason."""
        return [each["message"] for each in self.namespace.get("events")["items"] if each["reason"] == reason]


def _select_hub(cluster: Cluster, app: str) -> None:
    patch = json.dumps({"spec": {"selector": {"app": app}}})
    cluster.kubectl("patch", "service", "hub", f"--namespace={HUB}", f"--patch={patch}")


@contextmanager
def version_bench(cluster: Cluster, image: str, search_image: str) -> Iterator[Bench]:
    """A hub, an operator, a search team's pod, and the Reranker."""
    with (
        tempfile.TemporaryDirectory() as folder,
        search_pod(cluster, search_image, SEARCH) as search,
        model_hub(cluster, image) as hub,
        cluster.namespace("rr-e2e-changes") as namespace,
    ):
        products = Operated(namespace, image)
        products.install_operator(OPERATOR_IMAGE)
        spec = {"cache": SHARED, "gate": GATE, "networkPolicy": CLOSED}
        yield Bench(Changing(products, hub, scores_of(SERVED, Path(folder)), spec), search, search_image)
