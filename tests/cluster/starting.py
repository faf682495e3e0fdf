"""Brings the cluster up, saying what it is at."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from rich.console import Console

from tests.cluster import (
    additions,
    api_server,
    certificates,
    controller_manager,
    coredns,
    etcd,
    gpus,
    kube_router,
    kubeconfigs,
    kubectl,
    machine,
    metrics_server,
    network,
    node,
    preconditions,
    processes,
    provisioner,
    scheduler,
)
from tests.cluster.building import build_tools
from tests.cluster.layout import CONTEXT, FOLDER, KUBECONFIG, NODES
from tests.cluster.node_images import all_images, archive_of
from tests.cluster.progress import Progress


def start(console: Console, gpu_count: int, wanted: Sequence[str] = ()) -> None:
    """Bring everything up, from nothing to names that resolve; then what is wanted in addition.

    Raises:
        ClusterError: The surroundings are wrong, or a component did not start.
    """
    preconditions.check()
    additions.check(wanted, shutil.which)
    build_tools(console)
    additions.build(wanted, console)
    progress = Progress(console)
    with progress.step("images of the cluster's own pods"):
        for image in all_images():
            archive_of(image)
    with progress.step("certificates, bridge"):
        FOLDER.mkdir(mode=0o755)
        machine.remember_and_prepare()
        certificates.issue_all()
        kubeconfigs.write(certificates.ADMIN)
        network.add_bridge()
    with ThreadPoolExecutor(max_workers=len(NODES)) as pool:
        preparing = [pool.submit(node.prepare, place) for place in NODES]
        _start_control_plane(progress)
        _start_nodes(progress, preparing, gpu_count)
    additions.start(wanted, progress)
    progress.close("Cluster up")
    console.print(f"\n  export KUBECONFIG={KUBECONFIG}\n  kubectl --context {CONTEXT} get pods -A\n", highlight=False)


def _start_control_plane(progress: Progress) -> None:
    with progress.step("etcd"):
        etcd.start()
    with progress.step("kube-apiserver"):
        api_server.start()
    with progress.step("kube-controller-manager, kube-scheduler"):
        manager, chooser = controller_manager.start(), scheduler.start()
        controller_manager.await_healthy(manager)
        scheduler.await_healthy(chooser)


def _start_nodes(progress: Progress, preparing: list[Future[node.PreparedNode]], gpu_count: int) -> None:
    with progress.step("containerd on both nodes, with images"):
        nodes = [future.result() for future in preparing]
    with progress.step("kubelet and kube-proxy on both nodes"):
        coredns.start()
        kube_router.allow()
        started = [(each, node.join(each)) for each in nodes]
        for each, components in started:
            node.await_healthy(each, components)
        processes.await_condition("Both nodes are Ready", _nodes_are_ready, limit_s=180)
    with progress.step("CoreDNS answers, network policies are enforced"):
        enforcing = [(each.node, kube_router.start(each.node, each.inside)) for each in nodes]
        provisioner.start()
        metrics_server.start()
        coredns.await_answers(nodes[-1].inside)
        for ready, process in enforcing:
            kube_router.await_healthy(ready, process)
    if gpu_count:
        with progress.step(f"{gpu_count} pretended GPUs on each node"):
            for each in nodes:
                gpus.pretend(each.node, gpu_count)


def _nodes_are_ready() -> bool:
    nodes = kubectl.get("nodes")["items"]
    ready = [found for found in nodes if _condition(found, "Ready") == "True"]
    return len(ready) == len(NODES)


def _condition(found: dict[str, dict[str, list[dict[str, str]]]], kind: str) -> str:
    conditions = found["status"].get("conditions", [])
    return next((condition["status"] for condition in conditions if condition["type"] == kind), "Unknown")
