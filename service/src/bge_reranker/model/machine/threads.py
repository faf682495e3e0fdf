"""How many threads the CPU scorer should use: what the settings say, or what the machine grants this process."""

from __future__ import annotations

import os
from pathlib import Path

from .control_groups import ROOT, group_folders, read_limit


def granted_threads(root: Path = ROOT) -> int:
    """Count the CPUs that this process may keep busy: those of its affinity, cut by the cgroup's quota."""
    return threads_within(available_cpus(), quota_cpus(root))


def threads_within(cpus: int, quota: float | None) -> int:
    """Cut a number of CPUs by a quota; a quota of 1.5 CPUs gives 1 thread, since a second would be throttled."""
    return max(1, cpus if quota is None else min(cpus, int(quota)))


def available_cpus() -> int:
    """Count the CPUs that the scheduler may run this process on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota_cpus(root: Path) -> float | None:
    """Read the CPU quota in CPUs, the least of the process's groups; None where there is no limit.

    Args:
        root: The cgroup file system as this process sees it.
    """
    quotas = [quota for folder in group_folders("cpu", root) if (quota := _quota_of(folder)) is not None]
    return min(quotas, default=None)


def _quota_of(folder: Path) -> float | None:
    version_2 = read_limit(folder / "cpu.max").split()
    if version_2:
        return _ratio(version_2[0], version_2[1] if len(version_2) > 1 else "100000")
    return _ratio(read_limit(folder / "cpu.cfs_quota_us"), read_limit(folder / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    try:
        granted_us, period_us = int(quota), int(period)
    except ValueError:
        # Version 2 writes "max" for no limit; what is absent or unreadable limits nothing either.
        return None
    return granted_us / period_us if granted_us > 0 and period_us > 0 else None
