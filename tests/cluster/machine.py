"""What the cluster changes on the machine itself, remembered so that it is put back."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from tests.cluster.layout import MEMORY
from tests.cluster.namespaces import PRIVATE_PATHS

SYSCTLS = ("kernel.panic", "kernel.panic_on_oops", "vm.overcommit_memory")
"""Kernel settings that kubelet makes its own and that no namespace holds."""


def remember_and_prepare() -> None:
    """Write down the kernel settings, and make the mount points that are missing."""
    missing = [path for path in PRIVATE_PATHS if not Path(path).exists()]
    parents = {str(parent) for path in missing for parent in Path(path).parents if not parent.exists()}
    memory = {"sysctls": {name: _sysctl(name).read_text().strip() for name in SYSCTLS}, "made": [*missing, *parents]}
    MEMORY.write_text(json.dumps(memory), encoding="utf-8")
    for path in missing:
        if path.endswith(".lock"):
            Path(path).touch()
        else:
            Path(path).mkdir(parents=True)


def restore() -> None:
    """Put the kernel settings back and remove the mount points, where nothing else has come to use them."""
    if not MEMORY.exists():
        return
    memory = json.loads(MEMORY.read_text(encoding="utf-8"))
    for name, value in memory["sysctls"].items():
        _sysctl(name).write_text(value, encoding="ascii")
    for path in sorted(memory["made"], key=len, reverse=True):
        with contextlib.suppress(OSError):
            Path(path).unlink() if Path(path).is_file() else Path(path).rmdir()


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")
