"""Prometheus, from Debian's package, at prometheus.monitoring.svc:9090.

It scrapes every pod with a container port named `management` or `metrics`, and gives the series `namespace`, `pod` and
`node`.
"""

from __future__ import annotations

from tests.cluster import kubectl
from tests.cluster.addition import Addition
from tests.cluster.node_images import from_distribution, image_of_distribution

PROGRAM = "prometheus"


def start() -> None:
    """Ask for it and wait until it answers."""
    kubectl.apply("prometheus.yaml", PROMETHEUS=image_of_distribution(PROGRAM))
    kubectl.roll_out("deployment/prometheus", "monitoring")


ADDITION = Addition(start, programs={PROGRAM: "prometheus"}, images=lambda: [from_distribution(PROGRAM)])
