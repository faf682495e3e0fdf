"""Scenes of the proof `versions`: nodes without power while the hub is away, under a version that passed a gate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cluster import power
from tests.cluster.layout import NODES, Node
from tests.e2e.editions import wrong_scores
from tests.e2e.kubernetes import failures, search_pod, wait_until
from tests.e2e.proofs.version_bench import GATE, RATE, SERVED, SURVIVOR, Bench

TIME_LIMIT_S = 5.0
"""Of a caller, whose request went to a node that is gone."""

INFO = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8001/info').read().decode())"


def one_node(bench: Bench) -> dict[str, Any]:
    """With a replica on the other node, which is ready: what it passed counts, and nothing is judged again."""
    _on_both_nodes(bench)
    victim = NODES[0]
    with bench.hub_away(), _kept_from(bench, victim), search_pod(bench.cluster, bench.image, SURVIVOR) as search:
        with search.start_load(bench.products.url, RATE, TIME_LIMIT_S, connections=8) as load:
            power.off(victim)
            power.on(victim)
            verdicts = _again(bench, 1)
            outcomes = load.outcome()
        wrong = wrong_scores(outcomes, dict(bench.changing.known[each] for each in SERVED))
        assert wrong == [], wrong
        failed = failures(outcomes)
        assert all(each["failure"].partition(":")[0] in _LOST for each in failed), failed
    returned = next(
        verdicts[pod["metadata"]["name"]] for pod in bench.scorers() if pod["spec"]["nodeName"] == victim.name
    )
    assert returned["verdict"] == "carried", verdicts
    return {"requests": len(outcomes), "failed_at_the_dead_node": len(failed), "wrong_scores": 0, "verdict": "carried"}


_LOST = {"ConnectError", "ConnectTimeout", "ReadError", "ReadTimeout", "RemoteProtocolError", "WriteError"}
"""What becomes of requests to a machine without power; none gets an answer, and so none a wrong one."""


def both_nodes(bench: Bench) -> dict[str, Any]:
    """With nobody who is ready: absolute thresholds alone count, be there none; the version comes back."""
    figures = {}
    for name, gate in (("absolute and relative", GATE), ("relative alone", _relative_alone())):
        gated = bench.with_spec(gate=gate)
        gated.begin()
        with gated.hub_away():
            for victim in NODES:
                power.off(victim)
            power.on(*NODES)
            verdicts = _again(gated, len(NODES))
        for verdict in verdicts.values():
            assert verdict["verdict"] in {"passed", "carried"}, verdicts
            assert verdict["reference_digest"] is None, verdicts
            assert "ndcg_at_10" in verdict["figures"], verdicts
        figures[name] = sorted(verdict["verdict"] for verdict in verdicts.values())
    return figures


def _relative_alone() -> dict[str, Any]:
    return {key: value for key, value in GATE.items() if key != "minNdcgAt10"}


def _on_both_nodes(bench: Bench) -> None:
    """A rolling change may have left all pods on one."""

    def are_spread() -> bool:
        pods = bench.scorers()
        if len({pod["spec"].get("nodeName") for pod in pods}) < len(NODES):
            bench.namespace.kubectl("delete", "pod", pods[0]["metadata"]["name"])
        return bench.changing.is_settled() and len({pod["spec"].get("nodeName") for pod in bench.scorers()}) == len(
            NODES
        )

    wait_until(are_spread, "a pod on each node")
    bench.products.await_ready()


@contextmanager
def _kept_from(bench: Bench, node: Node) -> Iterator[None]:
    """No new pod goes to a node meanwhile; its own come back."""
    bench.cluster.kubectl("cordon", node.name)
    try:
        yield
    finally:
        bench.cluster.kubectl("uncordon", node.name)


def _again(bench: Bench, count: int) -> dict[str, dict[str, Any]]:
    """Once all pods are ready again after so many began anew: what each says of the gate."""

    def are_ready() -> bool:
        return all(
            any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"]["conditions"])
            for pod in bench.scorers()
        )

    def were_restarted() -> bool:
        statuses = [pod["status"].get("containerStatuses", ()) for pod in bench.scorers()]
        return sum(any(each["restartCount"] for each in pod) for pod in statuses) >= count

    wait_until(were_restarted, "containers began anew")
    wait_until(are_ready, "all pods are ready again", 300)
    bench.products.await_ready()
    names = [pod["metadata"]["name"] for pod in bench.scorers()]
    return {name: _verdict(bench, name) for name in names}


def _verdict(bench: Bench, pod: str) -> dict[str, Any]:
    printed = bench.namespace.kubectl("exec", pod, "--container=scorer", "--", "python3", "-c", INFO)
    found: dict[str, Any] = json.loads(printed)["gate"]
    return found
