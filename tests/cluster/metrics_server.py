"""metrics-server: what `kubectl top` and autoscalers ask."""

from __future__ import annotations

from tests.cluster import kubectl
from tests.cluster.node_images import image_name
from tests.cluster.tools import METRICS_SERVER


def start() -> None:
    """Ask for it; it answers some ten seconds later."""
    kubectl.apply("metrics-server.yaml", METRICS_SERVER=image_name(METRICS_SERVER))
