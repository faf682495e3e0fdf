"""The whole chain: prometheus-operator, Prometheus, adapter and the real autoscaler move the replicas of a Reranker.

By backlog, by the GPU (an exporter plays dcgm-exporter, with its pod's label kept and renamed) and by CPU time. Another
Reranker beside it, which is idle and follows backlog and GPU, keeps its one replica all the while. Then Prometheus is
stopped under load: the replicas hold, and the Reranker says which link is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.gpu_exporter import keep_labels, play_gpus
from tests.e2e.image_names import OPERATOR_IMAGE
from tests.e2e.kubernetes import Cluster, SearchPod, search_pod
from tests.e2e.operated import Operated
from tests.e2e.outage import without_prometheus
from tests.e2e.proofs.scaling_plot import draw as draw_steps
from tests.e2e.scaled import CAPPED, QUICK, SCRAPE_S, SYNC_S, Scaled, capacity, drains_as_many, up_and_down

ADDITIONS = ("prometheus-operator", "adapter")
NAMESPACE = "rr-e2e-autoscaling"
MOST = 2
HOLD_S = 30.0
PLOT = Path(__file__).resolve().parents[3] / "docs" / "plots" / "autoscaling.svg"

_RULES_S, _MEAN_S = 5.0, 60.0
"""How often Prometheus evaluates the recording rules, and over what they take the mean of a GPU."""

_CPU_S = 10.0
"""How often kubelets look at their containers, and metrics-server at the kubelets."""


def pods_metric(name: str, average: str) -> dict[str, Any]:
    """An entry of an autoscaler's metrics; no pod here may ask for a GPU, so its metrics are named as others are."""
    target = {"type": "AverageValue", "averageValue": average}
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": target}}


GPU_UTILIZATION = pods_metric("bge_reranker_gpu_utilization", "600m")
GPU_ENGINE = pods_metric("bge_reranker_gpu_engine_active", "600m")


class Signal(NamedTuple):
    """What is scaled on."""

    title: str
    autoscaling: dict[str, Any]
    budget_s: float = SCRAPE_S + SYNC_S
    """Longest time from a step to the decision, as the intervals of the chain add up."""
    keeps_labels: bool = False
    """Whether Prometheus leaves dcgm-exporter's labels as they are."""


_NO_BACKLOG = {"backlogSeconds": {"enabled": False}}
_GPU_S = SCRAPE_S + _MEAN_S + _RULES_S + SYNC_S
SIGNALS = {
    "backlog": Signal("backlog", {}),
    "gpu-utilization": Signal("GPU utilization", {**_NO_BACKLOG, "metrics": [GPU_UTILIZATION]}, _GPU_S),
    "gpu-engine": Signal("GPU engine active", {**_NO_BACKLOG, "metrics": [GPU_ENGINE]}, _GPU_S, keeps_labels=True),
    "cpu": Signal("CPU", {**_NO_BACKLOG, "cpu": {"enabled": True, "targetPercent": 200}}, 2 * _CPU_S + SYNC_S),
}
SCENES = ("backlog", "gpu-utilization", "cpu", "outage", "gpu-engine")


@dataclass(frozen=True)
class Stage:
    """What the scenes share.

    Attributes:
        products: The Reranker that gets the load.
        idle: The one beside it.
        rate: Twice what one replica can do, in requests a second.
    """

    products: Operated
    idle: Operated
    scaled: Scaled
    search: SearchPod
    rate: float

    def follow(self, signal: Signal) -> None:
        """Have the replicas follow it, from one on."""
        keep_labels(self.products.namespace, keeps=signal.keeps_labels)
        self.products.apply(**monitored(signal.autoscaling))
        self.products.await_ready()
        self.products.await_reason("MetricsHealthy", "Read")

    def neighbour(self) -> dict[str, Any]:
        """That the idle Reranker was not moved, ever, and that it was not for want of a metric."""
        health = self.idle.await_reason("MetricsHealthy", "Read", 300)
        autoscaler = self.idle.get("hpa")["status"]
        assert "lastScaleTime" not in autoscaler, f"the load of another Reranker moved it: {autoscaler}"
        return {"replicas": autoscaler["currentReplicas"], "MetricsHealthy": health["reason"]}


def monitored(autoscaling: dict[str, Any]) -> dict[str, Any]:
    """A spec of capped pods that are scraped, have rules, and whose count is an autoscaler's."""
    return {
        "replicas": 1,
        "resources": CAPPED,
        "serviceMonitor": {"enabled": True, "interval": f"{SCRAPE_S:g}s"},
        "prometheusRule": {"enabled": True},
        "autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": MOST, "behavior": QUICK, **autoscaling},
    }


def prove(cluster: Cluster, image: str, search_image: str, scenes: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """One scene after the other; its name and its figures."""
    with (
        search_pod(cluster, search_image, "rr-e2e-autoscaling-search") as search,
        cluster.namespace(NAMESPACE) as namespace,
    ):
        products = Operated(namespace, image)
        products.install_operator(OPERATOR_IMAGE)
        play_gpus(namespace, image)
        idle = products.another("idle")
        idle.apply(**monitored({"metrics": [GPU_UTILIZATION]}))
        products.apply(**monitored({}))
        products.await_ready()
        scaled = Scaled(namespace, products.name, products.url)
        stage = Stage(products, idle, scaled, search, 2.0 * capacity(scaled, search))
        for scene in scenes:
            yield scene, {**_played(scene)(stage), "idle_neighbour": stage.neighbour()}


def draw(scenes: Mapping[str, Any]) -> None:
    """A column for each signal that there are figures of."""
    draw_steps(PLOT, {signal.title: scenes[name] for name, signal in SIGNALS.items() if name in scenes})


def _played(scene: str) -> Callable[[Stage], dict[str, Any]]:
    return _outage if scene == "outage" else lambda stage: _step(stage, SIGNALS[scene])


def _step(stage: Stage, signal: Signal) -> dict[str, Any]:
    stage.follow(signal)
    found = up_and_down(stage.scaled, stage.search, stage.rate, MOST, HOLD_S, signal.budget_s)
    drains_as_many(found["drain"])
    return found


def _outage(stage: Stage) -> dict[str, Any]:
    stage.follow(SIGNALS["backlog"])
    return without_prometheus(stage.products, stage.scaled, stage.search, stage.rate, MOST)
