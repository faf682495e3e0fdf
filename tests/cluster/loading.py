"""Brings an image from the machine's container tool into both nodes."""

from __future__ import annotations

import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from tests.cluster import containerd
from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.layout import FOLDER, KUBECONFIG, NODES

EXPORTS = {
    "buildah": ("buildah", "push", "--quiet", "--disable-compression", "{image}", "oci-archive:{archive}:{image}"),
    "podman": ("podman", "save", "--format", "oci-archive", "--output", "{archive}", "{image}"),
    "docker": ("docker", "save", "--output", "{archive}", "{image}"),
}
"""How each tool writes an image into a file."""

LOOKS = {
    "buildah": ("buildah", "inspect", "--type", "image"),
    "podman": ("podman", "image", "inspect"),
    "docker": ("docker", "image", "inspect"),
}
"""How each tool is asked whether it has an image."""


def load(image: str, console: Console) -> None:
    """Export an image, or take an archive as it is, and import it on both nodes.

    Raises:
        ClusterError: No cluster is up, or no tool has the image.
    """
    if not KUBECONFIG.exists():
        raise ClusterError("No cluster is up: run `make cluster-up` first.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        archive = Path(image) if Path(image).is_file() else _export(image, Path(folder) / "image.tar")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: containerd.load(node, archive), NODES))
    console.print(f"{image} is on both nodes, after {time.monotonic() - began:.1f} s.", highlight=False)


def name_too(image: str, other: str) -> None:
    """Give an image that both nodes have a second name, as a registry would another tag."""
    for node in NODES:
        containerd.ctr(node, "images", "tag", "--force", image, other)


def _export(image: str, archive: Path) -> Path:
    for tool, look in LOOKS.items():
        if shutil.which(tool) and _succeeds([*look, image]):
            run([word.format(image=image, archive=archive) for word in EXPORTS[tool]])
            return archive
    raise ClusterError(f"Neither buildah nor podman nor docker has the image {image}: build it by `make image`.")


def _succeeds(command: list[str]) -> bool:
    try:
        run(command)
    except ClusterError:
        return False
    return True
