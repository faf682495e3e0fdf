"""The images that the cluster's own pods run, made from programs that are on this machine."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.cluster.commands import run
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


def from_source(tool: Tool, program: str = "") -> ProgramImage:
    """The image that runs a built tool."""
    built = tool.program(program)
    return ProgramImage(image_name(tool), {f"/bin/{built.name}": built}, [f"/bin/{built.name}"])


def image_of_distribution(program: str) -> str:
    """Name of the image that runs a program of the distribution."""
    return f"{PREFIX}{program}:distribution"


def from_distribution(program: str) -> ProgramImage:
    """The image that runs a program of the distribution, with the shared libraries that it is linked to."""
    found = Path(shutil.which(program) or f"/usr/bin/{program}")
    libraries = re.findall(r"(/\S+) \(0x", run(["ldd", found]))
    files = {f"/bin/{program}": found, **{name: Path(name) for name in libraries}}
    return ProgramImage(image_of_distribution(program), files, [f"/bin/{program}"])


def all_images() -> list[ProgramImage]:
    """What both nodes hold before the first pod; built tools are looked up when asked, not when imported."""
    return [PAUSE, BUSYBOX, *(from_source(tool) for tool in (COREDNS, LOCAL_PATH_PROVISIONER, METRICS_SERVER))]


def archive_of(image: ProgramImage) -> Path:
    """The image's archive in the cache, written again where a program is newer."""
    archive = CACHE / "cluster-images" / (image.name.removeprefix(PREFIX).replace(":", "-") + ".tar")
    newest = max(source.stat().st_mtime for source in image.files.values())
    if not archive.exists() or archive.stat().st_mtime < newest:
        image.write(archive)
    return archive
