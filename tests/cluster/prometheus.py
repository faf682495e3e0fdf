"""Prometheus, from Debian's package, at prometheus.monitoring.svc:9090.

It scrapes every pod with a container port named `management` or `metrics` (`targets` lists them) and gives the series
`namespace`, `pod` and `node`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.cluster import kubectl, processes
from tests.cluster.addition import Addition
from tests.cluster.layout import FOLDER
from tests.cluster.node_images import from_distribution, image_of_distribution

PROGRAM = "prometheus"
TARGETS = FOLDER / "prometheus-targets"
"""Folder of the list; both nodes see it."""

REPOSITORY = Path(__file__).resolve().parents[2]


def start() -> None:
    """Ask for it and wait until it answers."""
    TARGETS.mkdir(exist_ok=True)
    processes.start(
        "prometheus-targets",
        [sys.executable, "-m", "tests.cluster.targets", TARGETS / "pods.json"],
        environment={"PYTHONPATH": str(REPOSITORY)},
    )
    kubectl.apply("prometheus.yaml", PROMETHEUS=image_of_distribution(PROGRAM), TARGETS=TARGETS)
    kubectl.roll_out("deployment/prometheus", "monitoring")


ADDITION = Addition(start, programs={PROGRAM: "prometheus"}, images=lambda: [from_distribution(PROGRAM)])
