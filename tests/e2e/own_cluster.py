"""A cluster of our own around something: up, images loaded, down again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from tests.cluster import additions, loading, removal, starting
from tests.cluster.layout import KUBECONFIG
from tests.e2e.image_names import IMAGE, OTHER_IMAGE


@contextmanager
def own_cluster(images: Sequence[str], wanted: Sequence[str], console: Console, *, keep: bool) -> Iterator[None]:
    """Bring it up, or use the one that is up if it is to be kept; take it down unless it is to be kept.

    Args:
        images: What its nodes shall hold.
        wanted: What it shall have in addition.
        console: Where progress is shown.
        keep: Whether it outlives this.

    Raises:
        ClusterError: It does not come up or down.
    """
    if keep and KUBECONFIG.exists():
        additions.add(wanted, shutil.which, console)
    else:
        starting.start(console, 0, wanted)
    try:
        for image in images:
            loading.load(image, console)
        loading.name_too(IMAGE, OTHER_IMAGE)
        os.environ["KUBECONFIG"] = str(KUBECONFIG)
        yield
    finally:
        if not keep:
            removal.remove(console)
