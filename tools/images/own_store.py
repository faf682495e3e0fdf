"""A store of images for one purpose, which goes with everything that was built for it, stages in between included.

What the machine's own store has is read from there and stays as it is. docker has one store only, and cleans it itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .container_tool import ContainerTool

_FOLDER = Path("/var/tmp")  # noqa: S108 - where buildah and podman keep layers while they make them, too

_SETTING = "CONTAINERS_STORAGE_CONF"
_CONFIGURATION = """[storage]
driver = "overlay"
graphroot = "{folder}/root"
runroot = "{folder}/run"
[storage.options]
additionalimagestores = ["{machine}"]
[storage.options.overlay]
skip_mount_home = "true"
"""


def build_folder(tool: ContainerTool) -> Path:
    """A folder on the disk that a build needs room on; docker's may be that of another machine."""
    folder = tool.store() if tool.name == "docker" else _FOLDER
    return folder if folder.exists() else _FOLDER


@contextmanager
def own_store(tool: ContainerTool) -> Iterator[None]:
    """Have the tool, and those that other programs start, build into a store that is gone afterwards."""
    if tool.name == "docker":
        yield
        return
    folder = Path(tempfile.mkdtemp(dir=_FOLDER, prefix="bge-reranker-store-"))
    configuration, before = folder / "storage.conf", os.environ.get(_SETTING)
    configuration.write_text(_CONFIGURATION.format(folder=folder, machine=tool.store()), encoding="utf-8")
    os.environ[_SETTING] = str(configuration)
    try:
        yield
    finally:
        _remove(folder, tool)
        if before is None:
            del os.environ[_SETTING]
        else:
            os.environ[_SETTING] = before


def _remove(folder: Path, tool: ContainerTool) -> None:
    if os.geteuid() != 0:
        # The files belong to users that only exist inside.
        subprocess.run([tool.name, "unshare", "rm", "-rf", str(folder)], check=True)
        return
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        if (place := line.split()[1]).startswith(f"{folder}/"):
            subprocess.run(["umount", place], check=True)
    shutil.rmtree(folder)
