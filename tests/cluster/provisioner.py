"""Volumes: the default class `local` (bound to a node) and the class `shared` (every node)."""

from __future__ import annotations

from tests.cluster import kubectl
from tests.cluster.layout import SHARED_VOLUMES, VOLUMES
from tests.cluster.node_images import BUSYBOX, image_name
from tests.cluster.tools import LOCAL_PATH_PROVISIONER


def start() -> None:
    """Ask for the provisioner and its classes."""
    for folder in (VOLUMES, SHARED_VOLUMES):
        folder.mkdir(exist_ok=True)
    kubectl.apply(
        "volumes.yaml",
        VOLUMES=VOLUMES,
        SHARED_VOLUMES=SHARED_VOLUMES,
        BUSYBOX=BUSYBOX.name,
        PROVISIONER=image_name(LOCAL_PATH_PROVISIONER),
    )
