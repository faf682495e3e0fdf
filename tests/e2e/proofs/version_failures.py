"""Scenes of the proof `versions`: changes that fail, at once or for a while, and what served serves on."""

from __future__ import annotations

import time
from typing import Any

from tests.e2e.proofs.version_bench import Bench

HUB_DOWN_S = 120.0


def unknown_revision(bench: Bench) -> dict[str, Any]:
    """A revision that there is not; then the spec is mended."""
    before = bench.changing.revision()
    with bench.loaded() as figures:
        bench.changing.change("missing")
        bench.products.await_reason("ModelReady", "UnknownModel")
        assert bench.changing.revision() == before
        bench.begin()
    return figures


def hub_down(bench: Bench) -> dict[str, Any]:
    """For two minutes, while a revision is wanted that the volume does not know."""
    with bench.loaded() as figures:
        with bench.hub_away():
            bench.changing.change("while-down")
            bench.products.await_reason("ModelReady", "HubUnreachable")
            time.sleep(HUB_DOWN_S)
            assert bench.products.condition("Available")["status"] == "True"
        bench.changing.await_active("")
    return figures


def no_image(bench: Bench) -> dict[str, Any]:
    """New pods of an image that no node gets, until the deadline; the very pods that served go on."""
    before = bench.products.get("deployment")["spec"]["template"]
    missing = {"registry": "localhost", "repository": "missing", "tag": "none", "pullPolicy": "Never"}
    with bench.loaded() as figures:
        bench.changing.change("better", image=missing, rollout={"progressDeadlineSeconds": 30})
        bench.products.await_reason("Ready", "RolledBack", 240)
        assert bench.products.condition("ModelReady")["reason"] == "DeadlineExceeded"
        assert bench.products.get("deployment")["spec"]["template"] == before
        bench.begin()
    return figures
