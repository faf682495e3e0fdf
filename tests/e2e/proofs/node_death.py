"""A node that dies outright: how many requests fail, and for how long.

The node's cable is cut, which is what a machine without power looks like from outside. The control plane takes the
node's word until its lease is too old, then takes its pods out of the Service.
"""

from __future__ import annotations

import time
from typing import Any

from tests.cluster import network
from tests.cluster.layout import NODES
from tests.e2e.deployment import RATE, URL, deployed, pods, roll_out
from tests.e2e.kubernetes import Cluster, failures, search_pod, wait_until

ADDITIONS = ()
"""Beside nodes and Services it needs nothing of the cluster."""

GRACE_S = 50
"""Kubernetes' own patience with a node that says nothing (node-monitor-grace-period)."""

TIME_LIMIT_S = 2.0
"""What the client allows a request; one that asked the dead node fails after it."""

CONNECTIONS = 12
"""Each stays with the replica that it met first; with so many, some have met the one that dies."""

REMOVAL_S = 15
"""From the end of the grace to rules without the node: a monitoring period (5 s), endpoints, kube-proxy, a request."""


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Cut one node off under load; failures must stop within the grace and the time of removal."""
    with search_pod(cluster, search_image) as search, deployed(cluster, image):
        here = search.node()
        victim = next(node for node in NODES if node.name in {pod["node"] for pod in pods(cluster)} - {here})
        with search.start_load(URL, RATE, TIME_LIMIT_S, CONNECTIONS) as load:
            began = time.monotonic()
            wait_until(lambda: time.monotonic() > began + 5, "five seconds without a fault")
            cut_s = time.monotonic() - began
            network.cut(victim)
            try:
                wait_until(lambda: time.monotonic() > began + cut_s + GRACE_S + REMOVAL_S + 20, "the end", limit_s=200)
                outcomes = load.outcome()
            finally:
                network.mend(victim)
        wait_until(lambda: _is_ready(cluster, victim.name), f"{victim.name} is Ready again")
        roll_out(cluster)
    failed = failures(outcomes)
    last_s = max((outcome["at_s"] for outcome in failed), default=cut_s)
    figures = {
        "requests": len(outcomes),
        "failed": len(failed),
        "failed_before_the_cut": sum(outcome["at_s"] < cut_s - TIME_LIMIT_S for outcome in failed),
        "last_failure_s_after_the_cut": round(last_s - cut_s, 1),
        "stated_limit_s": GRACE_S + REMOVAL_S,
        "client_time_limit_s": TIME_LIMIT_S,
        "kinds": sorted({outcome["failure"].partition(":")[0] for outcome in failed}),
    }
    assert failed, f"nobody asked the dead node, so nothing was shown: {figures}"
    assert figures["failed_before_the_cut"] == 0, figures
    assert last_s - cut_s <= GRACE_S + REMOVAL_S, figures
    return figures


def _is_ready(cluster: Cluster, node: str) -> bool:
    conditions = cluster.get("node", node)["status"]["conditions"]
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
