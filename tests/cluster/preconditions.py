"""What must hold before anything is changed; each failure is one sentence with its remedy."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from tests.cluster import cgroups, network, processes
from tests.cluster.containerd import plugin_folder
from tests.cluster.failures import ClusterError
from tests.cluster.layout import BRIDGE, FOLDER, HOST_ADDRESS, HOST_PORTS, NETWORK, NODES
from tests.cluster.node_images import BUSYBOX_PROGRAM
from tests.cluster.tools import missing

MIN_FREE_BYTES = 8_000_000_000
"""Free disk below which nothing is started: images on two nodes and volumes take about four gigabytes."""

BUILD_BYTES = 7_000_000_000
"""What building the tools takes besides, Go's caches of modules and of builds included."""

PROGRAMS = {
    "runc": "runc",
    "etcd": "etcd-server",
    "iptables": "iptables",
    "ip": "iproute2",
    "ipset": "ipset",
    "conntrack": "conntrack",
    "socat": "socat",
    "openssl": "openssl",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "sysctl": "procps",
}
"""Programs that must be there, and the Debian package of each."""

IP_FREEBIND = 15
"""Socket option by which an address can be tried before an interface has it."""


def check() -> None:
    """Look at everything, change nothing.

    Raises:
        ClusterError: The first thing that is wrong.
    """
    is_root(os.geteuid())
    nothing_is_up(is_running=any(True for _ in processes.marked()), left=_left_over())
    programs_are_there(shutil.which, PROGRAMS)
    plugin_folder()
    go_is_there(shutil.which, builds=len(missing()))
    cgroups_are_mounted(cgroups.ROOT)
    disk_has_room(FOLDER.parent, builds=len(missing()))
    addresses_are_free(_addresses_in_use())
    ports_are_free(HOST_ADDRESS, HOST_PORTS)


def is_root(user: int, target: str = "cluster-up") -> None:
    if user != 0:
        raise ClusterError(f"Namespaces, interfaces and cgroups need root: run `sudo make {target}`.")


def nothing_is_up(*, is_running: bool, left: Sequence[str]) -> None:
    if is_running:
        raise ClusterError("A cluster is up, or half up: use it (`make cluster-status`), or run `make cluster-down`.")
    if left:
        raise ClusterError(f"An earlier cluster left {', '.join(left)}: run `make cluster-down`.")


def programs_are_there(find: Callable[[str], str | None], needed: Mapping[str, str]) -> None:
    absent = [name for name in needed if find(name) is None]
    packages = {needed[name] for name in absent}
    if not BUSYBOX_PROGRAM.exists():
        absent.append(str(BUSYBOX_PROGRAM))
        packages.add("busybox-static")
    if absent:
        raise ClusterError(f"Missing: {', '.join(absent)}. On Debian: apt-get install {' '.join(sorted(packages))}.")


def go_is_there(find: Callable[[str], str | None], builds: int) -> None:
    if builds and find("go") is None:
        raise ClusterError(
            "Go is missing, and tools have yet to be built: install Go 1.26 or newer (go.dev/doc/install)."
        )


def cgroups_are_mounted(root: Path) -> None:
    controllers = {"cpu", "memory", "pids"}
    if cgroups.is_version_2(root):
        found = set((root / "cgroup.controllers").read_text(encoding="ascii").split())
    else:
        found = {path.name for path in cgroups.hierarchies(root)} if root.exists() else set()
    if absent := controllers - found:
        raise ClusterError(
            f"{root} offers no {', '.join(sorted(absent))}: mount cgroups (on Debian: apt-get install cgroupfs-mount), "
            "or, inside a container, start it with --privileged --cgroupns=host."
        )


def disk_has_room(folder: Path, *, builds: int) -> None:
    free, wanted = shutil.disk_usage(folder).free, MIN_FREE_BYTES + (BUILD_BYTES if builds else 0)
    if free < wanted:
        raise ClusterError(
            f"{folder} has {free / 1e9:.1f} GB free and the cluster needs {wanted / 1e9:.0f}: make room, for "
            "example by `make clean`, `go clean -cache` or `docker system prune`."
        )


def addresses_are_free(used: Mapping[str, str]) -> None:
    network_range = ipaddress.ip_network(NETWORK)
    for address, interface in used.items():
        if ipaddress.ip_address(address) in network_range:
            raise ClusterError(
                f"{interface} has {address}, and the cluster needs {NETWORK}: take the interface down first."
            )


def ports_are_free(address: str, ports: tuple[int, ...]) -> None:
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            # Connections of an earlier cluster that the kernel still remembers are no holders; listeners are.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                raise ClusterError(
                    f"Port {port} is taken on every address ({error.strerror}), and the cluster needs it: "
                    f"find its holder with `ss -ltnp sport = :{port}` and stop it."
                ) from error


def _left_over() -> list[str]:
    interfaces = (BRIDGE, *(node.interface for node in NODES))
    return [*filter(network.is_there, interfaces), *([str(FOLDER)] if FOLDER.exists() else [])]


def _addresses_in_use() -> dict[str, str]:
    return dict(_ipv4_addresses())


def _ipv4_addresses() -> Iterator[tuple[str, str]]:
    for interface, addresses in psutil.net_if_addrs().items():
        yield from ((found.address, interface) for found in addresses if found.family == socket.AF_INET)
