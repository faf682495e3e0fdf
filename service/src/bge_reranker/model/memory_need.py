"""Whether a model fits the memory that this process may use, said before anything is loaded.

What belongs here: the estimate, and what machine and cgroups grant. What must not: reacting to a shortage later.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import OutOfMemory
from .arrays import StoredTensor
from .control_groups import ROOT, group_folders, read_limit

BASE_BYTES = 100 * 2**20
"""Room beside the weights: activations of one call, which are bounded, and the runtime's kernels. What the process
holds already is counted by the machine."""

MEMINFO = Path("/proc/meminfo")
_KIB = 1024
_UNLIMITED_BYTES = 2**60
"""What version 1 of cgroups writes for no limit is above this."""


def refuse_too_large(
    tensors: Mapping[str, StoredTensor], name: str, root: Path = ROOT, meminfo: Path = MEMINFO
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
    """Read what the process may still take, of the machine and of its cgroups; None where nobody says."""
    found = [_machine_bytes(meminfo), *map(_group_bytes, group_folders("memory", root))]
    return min((value for value in found if value is not None), default=None)


def _machine_bytes(meminfo: Path) -> int | None:
    for line in read_limit(meminfo).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * _KIB
    return None


def _group_bytes(folder: Path) -> int | None:
    """Limit less use, the page cache counted as free: version 2, then version 1."""
    for limit, usage, cache in (
        ("memory.max", "memory.current", "file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"),
    ):
        granted, used = read_limit(folder / limit), read_limit(folder / usage)
        if granted.isdigit() and used.isdigit() and int(granted) < _UNLIMITED_BYTES:
            lines = read_limit(folder / "memory.stat").splitlines()
            cached = dict(line.split(maxsplit=1) for line in lines if " " in line)
            return int(granted) - int(used) + int(cached.get(cache, 0))
    return None
