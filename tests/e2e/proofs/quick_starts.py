"""The quick starts on a cluster, by the commands of docs/quickstart.md and with nothing that is not printed there."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from tests.e2e.documented import ROOT, documented, run_as_printed
from tests.e2e.kubernetes import Cluster, failures, search_pod, service_url

ADDITIONS = ()
PAGE = "docs/quickstart.md"


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Each in turn; a figure is the seconds that its commands took."""
    assert image == "localhost/bge-reranker:0.1.0-cpu", "the page has the images that `make image` builds"
    with (
        tempfile.TemporaryDirectory() as folder,
        search_pod(cluster, search_image, "rr-e2e-quick-starts-search") as search,
    ):
        for name in ("charts", "manifests"):
            (Path(folder) / name).symlink_to(ROOT / name)
        seconds = {heading: _seconds(heading, cluster, Path(folder)) for heading in ("With Helm", "With kubectl")}
        for service in ("demo", "ranker"):
            with search.start_load(service_url(service, "default"), 5.0) as load:
                assert failures(load.outcome()) == [], service
    return {"seconds": seconds}


def _seconds(heading: str, cluster: Cluster, folder: Path) -> list[float]:
    found = []
    for block in documented(PAGE, heading):
        began = time.monotonic()
        run_as_printed(block, cluster, folder)
        found.append(round(time.monotonic() - began, 1))
    return found
