"""How much memory this process may still take: what the machine has, and what its cgroup and its limits leave."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .control_groups import ROOT, group_folders, read_limit

_KIB = 1024
_UNLIMITED_BYTES = 2**60
"""What version 1 of cgroups writes for no limit is above this."""


@dataclass(frozen=True, slots=True)
class MemoryAccounts:
    """Where the kernel keeps its accounts."""

    cgroup_root: Path = ROOT
    processes: Path = Path("/proc")


def free_memory_bytes(accounts: MemoryAccounts | None = None) -> int | None:
    """Read what the process may still take: the least that anybody grants, or None where nobody says."""
    accounts = accounts or MemoryAccounts()
    granted = [*_machine(accounts), *_cgroups(accounts), *_limits(accounts)]
    return max(0, min(granted)) if granted else None


def _machine(accounts: MemoryAccounts) -> Iterator[int]:
    yield from _field(accounts.processes / "meminfo", "MemAvailable")


def _limits(accounts: MemoryAccounts) -> Iterator[int]:
    """Soft limits of data (`ulimit -d`) and of addresses (`ulimit -v`), less what counts towards each."""
    status = accounts.processes / "self" / "status"
    for kind, used in ((resource.RLIMIT_DATA, "VmData"), (resource.RLIMIT_AS, "VmSize")):
        limit, _ = resource.getrlimit(kind)
        if limit != resource.RLIM_INFINITY:
            yield from (limit - count for count in _field(status, used))


def _cgroups(accounts: MemoryAccounts) -> Iterator[int]:
    """Limit less use of the process's cgroups, the page cache counted as free: version 2, then version 1."""
    for folder in group_folders("memory", accounts.cgroup_root, accounts.processes / "self" / "cgroup"):
        yield from _left(folder, "memory.max", "memory.current", "file")
        yield from _left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")


def _left(folder: Path, limit_file: str, use_file: str, cache: str) -> Iterator[int]:
    limit, used = read_limit(folder / limit_file), read_limit(folder / use_file)
    if limit.isdigit() and used.isdigit() and int(limit) < _UNLIMITED_BYTES:
        cached = dict(line.split(maxsplit=1) for line in read_limit(folder / "memory.stat").splitlines() if " " in line)
        yield int(limit) - int(used) + int(cached.get(cache, 0))


def _field(path: Path, name: str) -> Iterator[int]:
    """A figure in kB of one of the kernel's tables, in bytes."""
    for line in read_limit(path).splitlines():
        if line.startswith(f"{name}:"):
            yield int(line.split()[1]) * _KIB
