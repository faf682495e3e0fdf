"""The hub's model, fetched on this machine and packed for places without a network, by the commands that users have."""

from __future__ import annotations

import json
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.commands import run
from tests.e2e.hub_pod import NAMESPACE, SOURCE
from tests.e2e.kubernetes import Cluster
from tests.e2e.model_hub import PORT

PROGRAM = Path(sys.executable).with_name("bge-reranker")


@dataclass(frozen=True)
class PackedModel:
    """Both forms.

    Attributes:
        source: The model with its commit.
        bundle: A tar.
        layout: An OCI image layout.
    """

    source: str
    bundle: Path
    layout: Path

    def image_archive(self, name: str) -> Path:
        """The image under a name, as one file that a container runtime imports."""
        index = self.layout / "index.json"
        described = json.loads(index.read_text(encoding="utf-8"))
        described["manifests"][0]["annotations"]["io.containerd.image.name"] = name
        index.write_text(json.dumps(described), encoding="utf-8")
        archive = self.layout.with_suffix(".tar")
        with tarfile.open(archive, "w") as tar:
            tar.add(self.layout, "")
        return archive


def pack_model(cluster: Cluster, folder: Path) -> PackedModel:
    """Fetch into a store and pack it.

    Args:
        cluster: With the hub's pod, which this machine reaches by its address.
        folder: Where all of it goes.
    """
    address = cluster.get("pod", "hub", f"--namespace={NAMESPACE}")["status"]["podIP"]
    store, packed = f"--cache-dir={folder / 'store'}", PackedModel("", folder / "bundle.tar", folder / "layout")
    hub = {"HF_ENDPOINT": f"http://{address}:{PORT}"}
    version = run([PROGRAM, "model", "fetch", SOURCE, store], environment=hub).split()[-1]
    run([PROGRAM, "model", "pack", SOURCE, store, f"--output={packed.bundle}", f"--oci={packed.layout}"])
    return PackedModel(f"{SOURCE.partition('@')[0]}@{Path(version).name}", packed.bundle, packed.layout)
