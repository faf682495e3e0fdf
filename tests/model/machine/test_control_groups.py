from __future__ import annotations

from pathlib import Path

import pytest

from bge_reranker.model.machine.control_groups import group_folders


def folders(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True)


@pytest.mark.parametrize(
    ("made", "membership", "expected"),
    [
        (["a/b"], "0::/a/b\n", ["a/b", "a", ""]),
        (["memory/a/b", "cpu"], "9:cpu:/a/b\n4:memory:/a/b\n0::/\n", ["memory/a/b", "memory/a", "memory", ""]),
        (["memory"], "4:memory:/docker/1234\n", ["memory", ""]),
        (["memory"], "4:memory:/../../other\n", ["", "memory"]),
        (["memory"], "", ["", "memory"]),
    ],
    ids=[
        "version 2",
        "version 1",
        "a container that sees its own group as the top",
        "outside the namespace",
        "unknown",
    ],
)
def test_folders_of_a_process_start_with_its_own_group_and_end_at_the_top(
    tmp_path: Path, made: list[str], membership: str, expected: list[str]
) -> None:
    account, root = tmp_path / "cgroup", tmp_path / "root"
    account.write_text(membership)
    folders(root, *made)
    assert group_folders("memory", root, account) == [root / name for name in expected]


def test_both_controllers_of_a_joint_mount_are_found(tmp_path: Path) -> None:
    folders(tmp_path, "cpu,cpuacct/pod")
    account = tmp_path / "account"
    account.write_text("3:cpu,cpuacct:/pod\n")
    found = group_folders("cpu", tmp_path, account)
    assert found == [tmp_path / "cpu,cpuacct/pod", tmp_path / "cpu,cpuacct", tmp_path]
