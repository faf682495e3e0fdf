"""The images that the cluster's own pods run, made from programs that are on this machine."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.images import PREFIX, ProgramImage
from tests.cluster.layout import CACHE
from tests.cluster.tools import COREDNS, LOCAL_PATH_PROVISIONER, METRICS_SERVER, Tool

BUSYBOX_PROGRAM = Path("/bin/busybox")
"""The distribution's static busybox."""

APPLETS = ("sh", "mkdir", "rm", "chmod", "sleep", "cat", "ls", "touch", "id", "df")
"""What of busybox the cluster's pods use."""

BUSYBOX = ProgramImage(
    f"{PREFIX}busybox:1",
    {"/bin/busybox": BUSYBOX_PROGRAM},
    ["/bin/sh"],
    {f"/bin/{name}": "busybox" for name in APPLETS},
)
"""A shell for the provisioner's helper pods and for tests that look around."""

PAUSE = ProgramImage(f"{PREFIX}pause:1", {"/bin/busybox": BUSYBOX_PROGRAM}, ["/bin/busybox", "sleep", "infinity"])
"""Holds a pod's namespaces open."""


def image_name(tool: Tool) -> str:
    """Name of the image that runs a built tool."""
    return f"{PREFIX}{tool.name}:{tool.version}"


def all_images() -> list[ProgramImage]:
    """What both nodes hold before the first pod; built tools are looked up when asked, not when imported."""
    programs = [
        ProgramImage(image_name(tool), {f"/bin/{tool.name}": tool.program()}, [f"/bin/{tool.name}"])
        for tool in (COREDNS, LOCAL_PATH_PROVISIONER, METRICS_SERVER)
    ]
    return [PAUSE, BUSYBOX, *programs]


def archive_of(image: ProgramImage) -> Path:
    """The image's archive in the cache, written again where a program is newer."""
    archive = CACHE / "cluster-images" / (image.name.removeprefix(PREFIX).replace(":", "-") + ".tar")
    newest = max(source.stat().st_mtime for source in image.files.values())
    if not archive.exists() or archive.stat().st_mtime < newest:
        image.write(archive)
    return archive
