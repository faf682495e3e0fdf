from __future__ import annotations

from typing import Any

import pytest

from reranker_operator.errors import ServerTooOld
from reranker_operator.server_version import ServerVersion

from .bodies import reranker
from .fakes import Bench
from .rounds import in_a_loop

TOLERANT = {"enabled": True, "behavior": {"scaleDown": {"tolerance": "50m"}}}
TO_ZERO = {"enabled": True, "minReplicas": 0}


@pytest.mark.parametrize(
    ("version", "autoscaling", "sentence"),
    [
        (
            "v1.34.4",
            TOLERANT,
            "autoscaling.behavior.scaleDown.tolerance needs Kubernetes 1.35 and this cluster has v1.34",
        ),
        ("v1.36.0-gke.1", TO_ZERO, "autoscaling.minReplicas 0 needs Kubernetes 1.37"),
    ],
)
def test_an_older_cluster_is_named_with_what_it_lacks(version: str, autoscaling: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ServerTooOld) as refused:
        ServerVersion.of(version).check({"autoscaling": autoscaling})
    assert refused.value.sentence().startswith(sentence)
    assert "or upgrade the cluster." in refused.value.sentence()


@pytest.mark.parametrize(
    ("version", "autoscaling"),
    [
        ("v1.35.0", TOLERANT),
        ("v1.37.1", TO_ZERO),
        ("v2.0.0", TO_ZERO),
        ("unreadable", TOLERANT),
        ("v1.30.0", {**TOLERANT, "enabled": False}),
        ("v1.30.0", {**TO_ZERO, "keda": {"enabled": True}}),
        ("v1.30.0", {"enabled": True}),
        ("v1.30.0", None),
    ],
)
def test_what_the_cluster_can_do_is_let_through(version: str, autoscaling: dict[str, Any] | None) -> None:
    ServerVersion.of(version).check({"autoscaling": autoscaling})


@in_a_loop
async def test_a_reranker_that_asks_too_much_is_stalled_and_nothing_is_applied() -> None:
    bench, products = Bench(), reranker(autoscaling=TOLERANT)
    bench.server = ServerVersion.of("v1.34.4")
    bench.restart()
    await bench.round(products)
    assert bench.condition(products, "Stalled")["reason"] == "ServerTooOld"
    assert bench.cluster.objects == {}
