"""Brings an image from the machine's container tool into both nodes."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from tests.cluster import containerd
from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.layout import FOLDER, KUBECONFIG, NODES, Node

EXPORTS = {
    "buildah": ("buildah", "push", "--quiet", "--disable-compression", "{image}", "oci-archive:{archive}:{image}"),
    "podman": ("podman", "save", "--format", "oci-archive", "--output", "{archive}", "{image}"),
    "docker": ("docker", "save", "--output", "{archive}", "{image}"),
}
"""How each tool writes an image into a file."""

LOOKS = {
    "buildah": ("buildah", "inspect", "--type", "image", "--format", "{{.FromImageID}}"),
    "podman": ("podman", "image", "inspect", "--format", "{{.Id}}"),
    "docker": ("docker", "image", "inspect", "--format", "{{.Id}}"),
}
"""How each tool is asked for the identity of an image, if it has it."""

LOADED = FOLDER / "loaded-images.json"
"""Name to identity and place of what the nodes hold."""


def load(image: str, console: Console, nodes: Sequence[Node] = NODES) -> None:
    """Export an image, or take an archive as it is, and import it on the nodes.

    Args:
        image: Its name, or an archive.
        console: Told how long it took.
        nodes: Both, or one for an image of which two would be too much for the disk.

    Raises:
        ClusterError: No cluster is up, or no tool has the image.
    """
    if not KUBECONFIG.exists():
        raise ClusterError("No cluster is up: run `make cluster-up` first.")
    began = time.monotonic()
    where = "both nodes" if len(nodes) == len(NODES) else nodes[0].name
    if Path(image).is_file():
        _import(Path(image), nodes)
    else:
        tool, identity = _holder(image)
        loaded = json.loads(LOADED.read_text(encoding="utf-8")) if LOADED.exists() else {}
        if loaded.get(image) == [identity, where]:
            console.print(f"{image} is on {where} already.", highlight=False)
            return
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            archive = Path(folder) / "image.tar"
            run([word.format(image=image, archive=archive) for word in EXPORTS[tool]])
            _import(archive, nodes)
        LOADED.write_text(json.dumps({**loaded, image: [identity, where]}), encoding="utf-8")
    console.print(f"{image} is on {where}, after {time.monotonic() - began:.1f} s.", highlight=False)


def name_too(image: str, other: str) -> None:
    """Give an image that both nodes have a second name, as a registry would another tag."""
    for node in NODES:
        containerd.ctr(node, "images", "tag", "--force", image, other)


def _import(archive: Path, nodes: Sequence[Node]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda node: containerd.load(node, archive), nodes))


def _holder(image: str) -> tuple[str, str]:
    """The tool that has the image, and the identity under which it does."""
    for tool, look in LOOKS.items():
        if shutil.which(tool):
            with contextlib.suppress(ClusterError):
                return tool, run([*look, image]).strip()
    raise ClusterError(
        f"Neither buildah nor podman nor docker has the image {image}: build it (`make help` lists the images)."
    )
