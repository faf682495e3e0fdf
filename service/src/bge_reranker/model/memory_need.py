"""Whether a model fits the memory that this process may use, said before anything is loaded.

What belongs here: the estimate, and what the machine and the cgroup grant. What must not: reacting to a shortage later.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import OutOfMemory
from .arrays import StoredTensor
from .threads import CGROUP_ROOT

BASE_BYTES = 100 * 2**20
"""Room beside the weights: activations of one call, which are bounded, and the runtime's kernels. What the process
holds already is counted by the machine."""

MEMINFO = Path("/proc/meminfo")
_KIB = 1024
_UNLIMITED_BYTES = 2**60
"""What version 1 of cgroups writes for no limit is above this."""


def refuse_too_large(
    tensors: Mapping[str, StoredTensor], name: str, root: Path = CGROUP_ROOT, meminfo: Path = MEMINFO
) -> None:
    """Compare what a model needs with what is there.

    Args:
        tensors: All tensors, mapped.
        name: What the model is called in the message.
        root: The cgroup file system.
        meminfo: The kernel's account of memory.

    Raises:
        OutOfMemory: If it cannot fit.
    """
    needed, granted = needed_bytes(tensors), granted_bytes(root, meminfo)
    if granted is not None and needed > granted:
        raise OutOfMemory(
            f"{name} needs about {needed // 2**20} MiB of memory beside what is in use; "
            f"{granted // 2**20} MiB are free.",
            remedy="Raise the memory limit, serve a smaller model, or quantise this one to int8.",
        )


def needed_bytes(tensors: Mapping[str, StoredTensor]) -> int:
    """Estimate the memory that serving takes: every weight laid out for the kernels.

    Embedding tables stay in the mapped file, whose pages the kernel may take back, and so do the originals.
    """
    total = BASE_BYTES
    for name, tensor in tensors.items():
        if "embeddings" not in name:
            total += tensor.stored.size * (1 if tensor.form == "I8" else 4)
    return total


def granted_bytes(root: Path, meminfo: Path) -> int | None:
    """Read what the process may still take, of the machine and of its cgroup; None where nobody says."""
    found = [value for value in (_machine_bytes(meminfo), _cgroup_bytes(root)) if value is not None]
    return min(found) if found else None


def _machine_bytes(meminfo: Path) -> int | None:
    for line in _read(meminfo).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * _KIB
    return None


def _cgroup_bytes(root: Path) -> int | None:
    """Limit less use, the page cache counted as free: version 2, then version 1."""
    for limit, usage, statistics, cache in (
        ("memory.max", "memory.current", "memory.stat", "file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_cache"),
    ):
        granted, used = _read(root / limit), _read(root / usage)
        if granted.isdigit() and used.isdigit() and int(granted) < _UNLIMITED_BYTES:
            cached = dict(line.split(maxsplit=1) for line in _read(root / statistics).splitlines() if " " in line)
            return int(granted) - int(used) + int(cached.get(cache, 0))
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
