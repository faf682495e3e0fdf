"""The API server gone for a minute, and hung for a minute: what was asked for just before is there soon after.

Needs no node: a control plane on loopback with played pods. An operator that ends is started again, as a kubelet would.
"""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.control_plane.operators import OperatorProcess, account, operator
from tests.control_plane.processes import ControlPlane
from tests.control_plane.stage import stage
from tests.e2e.kubernetes import Cluster, wait_until
from tests.e2e.operated import Operated

AWAY_S = 60.0
API_SERVER = "kube-apiserver"
RESTART_PAUSE_S = 10.0
"""Before an operator that ended is started again; the kubelet's first pause."""


def prove() -> dict[str, Any]:
    """Both kinds of outage, one after the other."""
    with (
        tempfile.TemporaryDirectory() as folder,
        stage(Path(folder), 2) as plane,
        Cluster("tests").namespace("rr-outage") as namespace,
        operator(plane, account(plane, namespace.name), watch_namespace=namespace.name, identity="o") as process,
    ):
        products = Operated(namespace, "localhost/played:1")
        process.start_and_await_work()
        products.apply()
        products.await_ready()
        return {
            "away_s": AWAY_S,
            "gone": _outage(products, process, partial(_kill, plane), plane.start_api_server),
            "hung": _outage(products, process, *_freezing(plane)),
        }


def _kill(plane: ControlPlane) -> None:
    gone = plane.processes.pop(API_SERVER)
    gone.kill()
    gone.wait()


def _freezing(plane: ControlPlane) -> tuple[Callable[[], None], Callable[[], None]]:
    def freeze() -> None:
        plane.processes[API_SERVER].send_signal(signal.SIGSTOP)

    def thaw() -> None:
        plane.processes[API_SERVER].send_signal(signal.SIGCONT)

    return freeze, thaw


def _outage(
    products: Operated, process: OperatorProcess, begin: Callable[[], None], end: Callable[[], None]
) -> dict[str, Any]:
    uid = products.get("deployment")["metadata"]["uid"]
    label = str(time.monotonic_ns())
    products.namespace.kubectl("delete", "service", "products", "--wait=false")
    products.apply(commonLabels={"round": label})
    begin()
    ends = _sit_out(process)
    end()
    began = time.monotonic()
    if process.has_ended:
        process.start()
    wait_until(lambda: products.condition("Ready").get("reason") == "AllReplicasReady", "ready again", 120)
    live = products.get("deployment")
    assert live["metadata"]["labels"]["round"] == label
    assert live["metadata"]["uid"] == uid, "never a second Deployment"
    assert "Service/products" in products.children()
    return {"operator_ended": ends, "converged_s_after": round(time.monotonic() - began, 1)}


def _sit_out(process: OperatorProcess) -> int:
    """The minute; gives how often the operator ended in it."""
    ends, deadline = 0, time.monotonic() + AWAY_S
    while time.monotonic() < deadline:
        if process.has_ended:
            ends += 1
            time.sleep(min(RESTART_PAUSE_S, max(0.0, deadline - time.monotonic())))
            process.start()
        time.sleep(0.5)
    return ends
