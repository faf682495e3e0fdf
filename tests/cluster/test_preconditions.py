from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from rich.console import Console

from tests.cluster import preconditions
from tests.cluster.__main__ import cluster
from tests.cluster.building import build_tools
from tests.cluster.failures import ClusterError
from tests.cluster.tools import Tool


def test_a_user_who_is_not_root_is_told_to_be() -> None:
    preconditions.is_root(0)
    with pytest.raises(ClusterError, match="sudo make cluster-up"):
        preconditions.is_root(1000)
    with pytest.raises(ClusterError, match="sudo make cluster-status"):
        preconditions.is_root(1000, "cluster-status")


@pytest.mark.parametrize("arguments", [("status",), ("load", "demo")], ids=["status", "load"])
def test_commands_on_the_cluster_ask_for_root_before_anything_else(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=f"sudo make cluster-{arguments[0]}"):
        cluster.main(list(arguments), standalone_mode=False)


def test_tools_are_not_built_without_go() -> None:
    never_built = Tool("helm-3", "helm.sh/helm/v3", ("a.variable.of.nobody={version}",))
    with pytest.raises(ClusterError, match="install Go"):
        build_tools(Console(), [never_built], find=lambda _: None)


def test_missing_programs_are_named_with_the_packages_that_hold_them() -> None:
    with pytest.raises(ClusterError, match=r"Missing: iptables.*apt-get install .*iptables"):
        preconditions.programs_are_there(
            lambda name: None if name == "iptables" else f"/usr/bin/{name}", preconditions.PROGRAMS
        )


def test_a_cluster_that_is_up_is_not_brought_up_again() -> None:
    preconditions.nothing_is_up(is_running=False, left=[])
    with pytest.raises(ClusterError, match=r"A cluster is up.*make cluster-status.*make cluster-down"):
        preconditions.nothing_is_up(is_running=True, left=["rr-cluster"])


def test_what_an_earlier_cluster_left_is_named_with_the_remedy() -> None:
    with pytest.raises(ClusterError, match="left rr-cluster, rr-cable-1: run `make cluster-down`"):
        preconditions.nothing_is_up(is_running=False, left=["rr-cluster", "rr-cable-1"])


def test_go_is_missed_only_while_something_is_to_be_built() -> None:
    preconditions.go_is_there(lambda _: None, builds=0)
    with pytest.raises(ClusterError, match="install Go"):
        preconditions.go_is_there(lambda _: None, builds=1)


def test_a_port_that_is_taken_on_every_address_is_refused_by_number() -> None:
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ClusterError, match=f"Port {port} is taken"):
            preconditions.ports_are_free("198.18.255.1", (port,))


def test_a_port_that_is_taken_on_another_address_is_no_matter() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        preconditions.ports_are_free("198.18.255.1", (holder.getsockname()[1],))


def test_an_interface_in_the_cluster_s_range_is_refused_by_name() -> None:
    preconditions.addresses_are_free({"10.0.0.1": "eth0"})
    with pytest.raises(ClusterError, match=r"tun7 has 198\.19\.3\.4"):
        preconditions.addresses_are_free({"10.0.0.1": "eth0", "198.19.3.4": "tun7"})


def test_a_machine_without_cgroups_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="cpu, memory, pids"):
        preconditions.cgroups_are_mounted(tmp_path)


@pytest.mark.parametrize("controllers", ["cpu memory pids", "cpuset cpu io memory pids"])
def test_cgroup_version_2_is_welcome(tmp_path: Path, controllers: str) -> None:
    (tmp_path / "cgroup.controllers").write_text(controllers)
    preconditions.cgroups_are_mounted(tmp_path)


def test_a_full_disk_is_refused_with_what_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 14_000_000_000}))
    with pytest.raises(ClusterError, match=r"14\.0 GB free and the cluster needs 15"):
        preconditions.disk_has_room(tmp_path, builds=1)
    preconditions.disk_has_room(tmp_path, builds=0)
