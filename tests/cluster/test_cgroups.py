from __future__ import annotations

from pathlib import Path

from tests.cluster import cgroups
from tests.cluster.layout import NODES

NODE = NODES[0]


def hybrid(root: Path) -> Path:
    for name in ("cpu", "cpuset", "memory"):
        (root / name).mkdir()
    (root / "cpuset" / "cpuset.cpus").write_text("0-1")
    (root / "cpuset" / "cpuset.mems").write_text("0")
    return root


def test_a_node_has_a_cgroup_in_every_hierarchy_of_version_1_and_may_use_every_cpu(tmp_path: Path) -> None:
    root = hybrid(tmp_path)
    cgroups.create(NODE, root)
    assert cgroups.left_over(NODE, root) == [root / name / NODE.name for name in ("cpu", "cpuset", "memory")]
    assert (root / "cpuset" / NODE.name / "cpuset.cpus").read_text() == "0-1"


def test_a_node_gets_every_controller_of_version_2(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    (tmp_path / NODE.name).mkdir()
    (tmp_path / NODE.name / "cgroup.controllers").write_text("cpu memory")
    cgroups.create(NODE, tmp_path)
    assert cgroups.left_over(NODE, tmp_path) == [tmp_path / NODE.name]
    assert (tmp_path / NODE.name / "cgroup.subtree_control").read_text() == "+memory"


def test_nested_cgroups_are_removed_from_the_deepest_up(tmp_path: Path) -> None:
    root = hybrid(tmp_path)
    for name in ("cpu", "memory"):
        (root / name / NODE.name / "kubepods" / "pod1").mkdir(parents=True)
    cgroups.remove(NODE, root)
    assert cgroups.left_over(NODE, root) == []
