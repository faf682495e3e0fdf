"""Redis, from Debian's package: one server at redis.redis.svc, without persistence."""

from __future__ import annotations

from tests.cluster import kubectl
from tests.cluster.addition import Addition
from tests.cluster.node_images import from_distribution, image_of_distribution

PROGRAM = "redis-server"


def start() -> None:
    """Ask for it and wait until it answers."""
    kubectl.apply("redis.yaml", REDIS=image_of_distribution(PROGRAM))
    kubectl.roll_out("deployment/redis", "redis")


ADDITION = Addition(start, programs={PROGRAM: "redis-server"}, images=lambda: [from_distribution(PROGRAM)])
