"""A cluster that crashed, and one that was killed while it started: both come down to nothing and up again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from tests.cluster import preconditions, processes, removal, starting, status
from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.layout import FOLDER, LOGS
from tests.e2e.kubernetes import Cluster, wait_until

ADDITIONS: Sequence[str] = ()

CRASHES = ("etcd", "kube-apiserver", "containerd", "kubelet")
"""What is killed outright in the cluster that crashes; pods and everything else live on."""

STAGES = ("rr-node-1-containerd", "kube-apiserver", "rr-node-2-kubelet")
"""A start is killed when the component has begun to write its log."""

CONSOLE = Console()


def prove(cluster: Cluster, _image: str, _search_image: str) -> dict[str, Any]:
    """Crash the cluster that is up, then starts of others; the last one stays up."""
    figures: dict[str, Any] = {"killed": list(CRASHES), "down_after_crash_s": _crash()}
    figures["down_after_half_starts_s"] = {stage: _half_start(stage) for stage in STAGES}
    began = time.monotonic()
    starting.start(CONSOLE, gpu_count=0)
    figures["up_again_s"] = round(time.monotonic() - began, 1)
    assert len(cluster.get("nodes")["items"]) == 2
    return figures


def _crash() -> float:
    for process in list(processes.marked()):
        if process.name() in CRASHES:
            process.kill()
    with pytest.raises(ClusterError, match=r"does not answer.*make cluster-down"):
        status.show(CONSOLE)
    return _down()


def _half_start(stage: str) -> float:
    command = [sys.executable, "-m", "tests.cluster", "up"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as start:
        log = LOGS / f"{stage}.log"
        wait_until(lambda: start.poll() is not None or (log.exists() and log.stat().st_size > 0), f"{stage} starts")
        assert start.poll() is None, f"the start ended before {stage}: {start.communicate()[0].decode()}"
        start.send_signal(signal.SIGKILL)
    with pytest.raises(ClusterError, match=r"up, or half up"):
        preconditions.check()
    return _down()


def _down() -> float:
    began = time.monotonic()
    removal.remove(CONSOLE)
    took_s = time.monotonic() - began
    assert removal.left_over() == []
    assert not FOLDER.exists()
    assert "198.18." not in run(["iptables-save"])
    assert "198.18." not in run(["ip", "route"])
    return round(took_s, 1)
