"""A node's container runtime, and the network of its pods."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster import processes
from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.layout import Node
from tests.cluster.node_images import PAUSE
from tests.cluster.tools import CONTAINERD

PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
"""Where distributions put the CNI plugins."""

CONFIGURATION = """
version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{sandbox_image}'
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = '{registries}'
[plugins.'io.containerd.cri.v1.runtime']
# Without CAP_SYS_RESOURCE, as inside a container, a process's score cannot be lowered and runc would fail.
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{plugins}']
conf_dir = '{network_folder}'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = 'runc'
SystemdCgroup = false
# Its socket has one path for the whole machine, so that the second node to start would find it taken.
[plugins.'io.containerd.nri.v1.nri']
disable = true
"""


def plugin_folder() -> Path:
    """Where the CNI plugins lie.

    Raises:
        ClusterError: They are not installed.
    """
    for folder in PLUGIN_FOLDERS:
        if (folder / "ptp").exists():
            return folder
    raise ClusterError("The CNI plugins are missing. On Debian: apt-get install containernetworking-plugins.")


def start(node: Node, inside: list[str]) -> None:
    """Start it inside the node and wait for its socket to answer."""
    network_folder = node.folder / "cni"
    network_folder.mkdir(parents=True, exist_ok=True)
    (network_folder / "10-pods.conflist").write_text(json.dumps(_pod_network(node), indent=2), encoding="utf-8")
    configuration = node.folder / "containerd.toml"
    configuration.write_text(
        CONFIGURATION.format(
            sandbox_image=PAUSE.name,
            registries=node.folder / "registries",
            plugins=plugin_folder(),
            network_folder=network_folder,
        ),
        encoding="utf-8",
    )
    path = f"{CONTAINERD.folder}:/usr/sbin:/usr/bin:/sbin:/bin"
    name = f"{node.name}-containerd"
    process = processes.start(
        name, [CONTAINERD.program(), "--config", configuration], prefix=inside, environment={"PATH": path}
    )
    processes.await_healthy(name, process, lambda: _answers(node), limit_s=60)


def load(node: Node, archive: Path) -> None:
    """Import an image archive into the node."""
    ctr(node, "images", "import", "--local", str(archive))


def ctr(node: Node, *arguments: str) -> str:
    """Run containerd's own client on a node's images and containers."""
    return run([CONTAINERD.program("ctr"), "--address", node.containerd_socket, "--namespace", "k8s.io", *arguments])


def _answers(node: Node) -> bool:
    try:
        ctr(node, "version")
    except ClusterError:
        return False
    return True


def _pod_network(node: Node) -> dict[str, object]:
    # One cable per pod and routes, no bridge: every packet passes the node's IP stack, where Services and policies are.
    addresses = {"type": "host-local", "ranges": [[{"subnet": node.pod_range}]], "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "1.0.0",
        "name": "rr-pods",
        "plugins": [
            {"type": "ptp", "ipMasq": False, "mtu": 1400, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
