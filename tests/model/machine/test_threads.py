from __future__ import annotations

from pathlib import Path

import pytest

from bge_reranker.model.machine.threads import quota_cpus, threads_within


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("200000 100000\n", 2.0), ("50000 100000\n", 0.5), ("max 100000\n", None), ("nonsense\n", None), ("", None)],
)
def test_quota_of_cgroup_version_2_is_read_in_cpus(tmp_path: Path, text: str, cpus: float | None) -> None:
    write(tmp_path / "cpu.max", text)
    assert quota_cpus(tmp_path) == cpus


@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "cpus"), [("350000", 3.5), ("-1", None)])
def test_quota_of_cgroup_version_1_is_read_in_cpus(tmp_path: Path, folder: str, quota: str, cpus: float | None) -> None:
    write(tmp_path / folder / "cpu.cfs_quota_us", quota + "\n")
    write(tmp_path / folder / "cpu.cfs_period_us", "100000\n")
    assert quota_cpus(tmp_path) == cpus


def test_quota_is_none_when_there_is_no_cgroup(tmp_path: Path) -> None:
    assert quota_cpus(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("cpus", "quota", "threads"), [(8, None, 8), (8, 2.0, 2), (8, 2.9, 2), (8, 0.5, 1), (2, 16.0, 2)]
)
def test_threads_are_the_cpus_that_the_quota_fills(cpus: int, quota: float | None, threads: int) -> None:
    assert threads_within(cpus, quota) == threads
