"""Scenes of the proof `versions`: a new version is compared on live requests before it serves."""

from __future__ import annotations

from typing import Any

from tests.e2e.kubernetes import wait_until
from tests.e2e.proofs.version_bench import Bench

DEMANDS: dict[str, Any] = {"enabled": True, "sampleRatio": 1.0, "minDurationSeconds": 20, "minComparisons": 50}
"""Ten seconds of the steady load."""


def _shadowed(bench: Bench, **demands: Any) -> Bench:
    """With a shadow, which pods are told of before there is one."""
    shadowed = bench.with_spec(rollout={"shadow": {**DEMANDS, **demands}})
    shadowed.begin()
    return shadowed


def _shadows(bench: Bench) -> list[str]:
    return [name for name in bench.left() if name.rpartition("/")[2].startswith(f"{bench.products.name}-shadow")]


def shadow(bench: Bench) -> dict[str, Any]:
    """Every request is compared, the operator is killed meanwhile, and then the version rolls."""
    bench = _shadowed(bench)
    with bench.loaded() as figures:
        bench.changing.change("better")
        bench.products.await_reason("Ready", "Shadowing")
        bench.products.kill_operator()
        bench.changing.await_active("better")
    wait_until(lambda: not _shadows(bench), "the shadow has gone", 120)
    return figures


def shadow_fails(bench: Bench) -> dict[str, Any]:
    """Scores may not differ at all, and those of another version do: it never serves, and nothing of it is left."""
    bench = _shadowed(bench, maxDrift=0)
    before = bench.changing.revision()
    with bench.loaded() as figures:
        bench.changing.change("better")
        bench.products.await_reason("ModelReady", "ShadowFailed", 240)
        assert bench.changing.revision() == before
        assert bench.products.condition("Available")["status"] == "True"
    wait_until(lambda: not _shadows(bench), "the shadow has gone", 120)
    assert bench.ended_changes("ShadowFailed") >= 1
    return {**figures, "message": bench.products.condition("ModelReady")["message"]}
