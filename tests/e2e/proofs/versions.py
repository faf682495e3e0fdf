"""Changes of a model on a volume that both nodes share: plotted, undone, interrupted, and in the way of each other."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.e2e.changing import Changing
from tests.e2e.editions import scores_of
from tests.e2e.hub_pod import NAMESPACE as HUB
from tests.e2e.hub_pod import model_hub
from tests.e2e.image_names import OPERATOR_IMAGE
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, search_pod, wait_until
from tests.e2e.operated import OPERATOR, Operated
from tests.e2e.proofs.version_plot import draw

ADDITIONS = ("crds",)
RATE = 5.0
HUB_DOWN_S = 120.0
PLOT = Path(__file__).resolve().parents[3] / "docs" / "plots" / "versions.svg"
SHARED = {"type": "pvc", "size": "1Gi", "storageClass": "shared"}
PLACE = "example.com/place"
"""A resource of nodes of which there are exactly as many as pods."""


@dataclass
class Bench:
    """What every scene has.

    Attributes:
        served: Editions whose scores are right by now.
    """

    changing: Changing
    search: SearchPod
    served: tuple[str, ...] = ("", "better")
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def products(self) -> Operated:
        return self.changing.products

    @contextmanager
    def loaded(self, name: str) -> Iterator[None]:
        """Under load from begin to end, without a failed request or a score that is not its digest's."""
        began = time.monotonic()
        with self.search.start_load(self.products.url, RATE) as load:
            yield
            outcomes = load.outcome()
        self.changing.check(outcomes, *self.served)
        seconds = round(time.monotonic() - began, 1)
        self.figures[name] = {"seconds": seconds, "requests": len(outcomes), "failed": 0, "wrong_scores": 0}


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """One scene after the other."""
    with (
        tempfile.TemporaryDirectory() as folder,
        search_pod(cluster, search_image, "rr-e2e-change-search") as search,
        model_hub(cluster, image) as hub,
        cluster.namespace("rr-e2e-changes") as namespace,
    ):
        known = scores_of(("", "better"), Path(folder))
        products = Operated(namespace, image)
        products.install_operator(OPERATOR_IMAGE)
        changing = Changing(products, hub, known, {"cache": SHARED})
        changing.change("main")
        changing.await_active("")
        bench = Bench(changing, search)
        for scene in (_plotted, _back, _unknown, _twice, _operator_killed, _hub_down, _never_ready, _no_place):
            scene(bench)
        return {"scenes": bench.figures}


def _plotted(bench: Bench) -> None:
    """One change, with the state that the column shows at each moment."""
    changing, states, is_over = bench.changing, list[tuple[float, str]](), threading.Event()

    def watch(began: float) -> None:
        while not is_over.wait(0.3):
            states.append((time.monotonic() - began, changing.state()))

    with bench.search.start_load(changing.products.url, RATE) as load:
        began = time.monotonic()
        watching = threading.Thread(target=watch, args=(began,))
        watching.start()
        time.sleep(5)
        changing.change("better")
        changing.await_active("better")
        time.sleep(5)
        is_over.set()
        watching.join()
        outcomes = load.outcome()
    changing.check(outcomes, "", "better")
    names = {digest: edition or "main" for edition, (digest, _) in changing.known.items()}
    draw(PLOT, outcomes, states, names)
    seen = list(dict.fromkeys(state.partition(" ")[0] for _, state in states))
    bench.figures["a better version"] = {"requests": len(outcomes), "failed": 0, "states": seen}


def _back(bench: Bench) -> None:
    """The version of before, which is on the volume."""
    before = _files_fetched(bench)
    with bench.loaded("back to the version of before"):
        bench.changing.change("main")
        bench.changing.await_active("")
    assert _files_fetched(bench) == before, "nothing was downloaded"
    bench.figures["back to the version of before"]["files_downloaded"] = 0


def _files_fetched(bench: Bench) -> int:
    log = bench.products.namespace.cluster.kubectl("logs", "hub", f"--namespace={HUB}")
    return sum(line.startswith("FILE ") for line in log.splitlines())


def _unknown(bench: Bench) -> None:
    """A revision that there is not; then the spec is mended."""
    before = bench.changing.revision()
    with bench.loaded("an unknown revision"):
        bench.changing.change("missing")
        bench.products.await_reason("ModelReady", "UnknownModel")
        assert bench.changing.revision() == before
        bench.changing.change("main")
        bench.changing.await_active("")


def _twice(bench: Bench) -> None:
    """Another wish in the middle of a change."""
    with bench.loaded("two changes within 5 s"):
        bench.changing.change("better")
        time.sleep(3)
        bench.changing.change("main")
        bench.changing.await_active("")
        bench.changing.change("better")
        bench.changing.await_active("better")


def _operator_killed(bench: Bench) -> None:
    """In each state that a change is in."""
    editions = iter(("main", "better") * 2)
    for state in ("Fetching", "RollingOut"):
        edition = next(editions)
        with bench.loaded(f"the operator is killed while {state}"):
            bench.changing.change(edition)
            wait_until(lambda state=state: bench.changing.state().startswith(state), state)  # type: ignore[misc] # bound here
            bench.products.kill_operator()
            bench.changing.await_active("" if edition == "main" else edition)
    with bench.loaded("the operator is killed while RolledBack"):
        bench.changing.change("missing")
        bench.products.await_reason("Ready", "RolledBack")
        bench.products.kill_operator()
        bench.products.namespace.kubectl("wait", "pod", f"--selector={OPERATOR}", "--for=condition=Ready")
        time.sleep(10)
        assert bench.changing.state() == "RolledBack"
        jobs = bench.products.namespace.get("jobs")["items"]
        assert jobs == [], "what failed for good is not tried again"
        bench.changing.change("better")
        bench.changing.await_active("better")


def _hub_down(bench: Bench) -> None:
    """For two minutes, while a revision is wanted that the volume does not know."""
    cluster = bench.products.namespace.cluster
    with bench.loaded("the hub is down for two minutes"):
        _select_hub(cluster, "nobody")
        bench.changing.change("later")
        bench.products.await_reason("ModelReady", "HubUnreachable")
        time.sleep(HUB_DOWN_S)
        assert bench.products.condition("Available")["status"] == "True"
        _select_hub(cluster, "hub")
        bench.changing.await_active("")


def _select_hub(cluster: Cluster, app: str) -> None:
    patch = json.dumps({"spec": {"selector": {"app": app}}})
    cluster.kubectl("patch", "service", "hub", f"--namespace={HUB}", f"--patch={patch}")


def _never_ready(bench: Bench) -> None:
    """New pods of an image that no node gets, until the deadline; the very pods that served go on."""
    before = bench.products.get("deployment")["spec"]["template"]
    missing = {"registry": "localhost", "repository": "missing", "tag": "none", "pullPolicy": "Never"}
    with bench.loaded("pods that never start, until the deadline"):
        bench.changing.change("better", image=missing, rollout={"progressDeadlineSeconds": 30})
        bench.products.await_reason("Ready", "RolledBack", 240)
        assert bench.products.condition("ModelReady")["reason"] == "DeadlineExceeded"
        assert bench.products.get("deployment")["spec"]["template"] == before
        bench.changing.change("main")
        bench.changing.await_active("")


def _no_place(bench: Bench) -> None:
    """Exactly as many places as pods: reported, and in place once that is allowed."""
    namespace = bench.products.namespace
    _places(namespace, 1)
    limits = {"memory": "1Gi", PLACE: 1}
    resources = {"resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": limits}}
    changing = replace(bench.changing, spec={**bench.changing.spec, **resources})
    changing.change("main", rollout={"mode": "inPlace"})
    changing.await_active("")
    with bench.loaded("no place for one pod more"):
        changing.change("better", rollout={"surgeWaitSeconds": 10})
        bench.products.await_reason("ModelReady", "Unschedulable")
        time.sleep(20)
        assert changing.products.condition("Available")["status"] == "True"
        changing.change("better", rollout={"surgeWaitSeconds": 10, "allowDowntime": True})
        changing.await_active("better")
    said = [each["message"] for each in namespace.get("events")["items"] if each["reason"] == "GoingInPlace"]
    assert any("is away for about" in each for each in said), said
    bench.figures["no place for one pod more"]["announced"] = said[-1]


def _places(namespace: Namespace, count: int) -> None:
    """Give each node places, which kubelet leaves as they are."""
    path = PLACE.replace("/", "~1")
    patch = [
        {"op": "add", "path": f"/status/{where}/{path}", "value": str(count)} for where in ("capacity", "allocatable")
    ]
    for node in namespace.cluster.get("nodes")["items"]:
        name = node["metadata"]["name"]
        namespace.cluster.kubectl(
            "patch", "node", name, "--subresource=status", "--type=json", f"--patch={json.dumps(patch)}"
        )
