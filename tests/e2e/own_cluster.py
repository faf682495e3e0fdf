"""A cluster of our own around something: up, images loaded, down again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from tests.cluster import loading, removal, starting
from tests.cluster.layout import KUBECONFIG


@contextmanager
def own_cluster(images: Sequence[str], console: Console, *, keep: bool) -> Iterator[None]:
    """Bring it up, or use the one that is up if it is to be kept; take it down unless it is to be kept.

    Raises:
        ClusterError: It does not come up or down.
    """
    if not (keep and KUBECONFIG.exists()):
        starting.start(console, gpu_count=0)
    try:
        for image in images:
            loading.load(image, console)
        os.environ["KUBECONFIG"] = str(KUBECONFIG)
        yield
    finally:
        if not keep:
            removal.remove(console)
