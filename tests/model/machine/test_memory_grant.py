"""What a process may still take, from the kernel's accounts as different machines have them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bge_reranker.model.machine.memory_grant import MemoryAccounts, free_memory_bytes

MIB = 2**20
PRINTS_FREE = "from bge_reranker.model.machine.memory_grant import free_memory_bytes; print(free_memory_bytes())"


@pytest.fixture
def accounts(tmp_path: Path) -> MemoryAccounts:
    """A machine with 1000 MiB available, and no cgroup."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable:  {1000 * 1024} kB\n")
    return MemoryAccounts(tmp_path / "cgroup", tmp_path / "proc")


def write_cgroup(folder: Path, limit: str, used: int, cached: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(limit)
    (folder / "memory.current").write_text(str(used))
    (folder / "memory.stat").write_text(f"anon 5\nfile {cached}\n")


def test_without_a_cgroup_the_machine_says(accounts: MemoryAccounts, tmp_path: Path) -> None:
    assert free_memory_bytes(accounts) == 1000 * MIB
    assert free_memory_bytes(MemoryAccounts(tmp_path / "none", tmp_path / "none")) is None


def test_a_container_s_limit_counts_with_its_page_cache_free(accounts: MemoryAccounts) -> None:
    (accounts.processes / "self" / "cgroup").write_text("0::/\n")
    write_cgroup(accounts.cgroup_root, str(900 * MIB), 600 * MIB, 200 * MIB)
    assert free_memory_bytes(accounts) == 500 * MIB


def test_the_tightest_of_the_cgroups_above_decides(accounts: MemoryAccounts) -> None:
    (accounts.processes / "self" / "cgroup").write_text("0::/slice/pod/container\n")
    write_cgroup(accounts.cgroup_root / "slice" / "pod" / "container", "max", 0, 0)
    write_cgroup(accounts.cgroup_root / "slice" / "pod", str(300 * MIB), 200 * MIB, 0)
    write_cgroup(accounts.cgroup_root / "slice", str(500 * MIB), 200 * MIB, 0)
    assert free_memory_bytes(accounts) == 100 * MIB


@pytest.mark.parametrize(("limit", "expected"), [(str(400 * MIB), 250 * MIB), (str(2**63 - 4096), 1000 * MIB)])
def test_version_1_of_cgroups_is_understood(accounts: MemoryAccounts, limit: str, expected: int) -> None:
    (accounts.processes / "self" / "cgroup").write_text("5:cpu,cpuacct:/other\n4:memory:/docker/1\n0::/\n")
    # Inside the container its own cgroup is mounted as the root, whatever the host calls it.
    folder = accounts.cgroup_root / "memory"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(limit)
    (folder / "memory.usage_in_bytes").write_text(str(200 * MIB))
    (folder / "memory.stat").write_text(f"total_cache {50 * MIB}\n")
    assert free_memory_bytes(accounts) == expected


def test_who_uses_more_than_the_limit_has_nothing_left(accounts: MemoryAccounts) -> None:
    (accounts.processes / "self" / "cgroup").write_text("0::/\n")
    write_cgroup(accounts.cgroup_root, str(MIB), 2 * MIB, 0)
    assert free_memory_bytes(accounts) == 0


@pytest.mark.parametrize("kind", ["data", "as"])
def test_a_limit_of_the_process_counts(kind: str) -> None:
    limit = 400 * MIB
    # A process of its own: who is no root cannot raise a limit again.
    command = ["prlimit", f"--{kind}={limit}", sys.executable, "-c", PRINTS_FREE]
    assert 0 < int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) < limit
