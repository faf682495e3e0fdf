"""Scenes of the proof `versions`: changes that go well, whatever happens meanwhile."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

from tests.e2e.kubernetes import wait_until
from tests.e2e.model_hub import SLOW
from tests.e2e.operated import OPERATOR
from tests.e2e.proofs.version_bench import RATE, Bench
from tests.e2e.proofs.version_plot import draw

SUSPENDED_S = 75.0
"""Longer than the download takes."""

PLOT = Path(__file__).resolve().parents[3] / "docs" / "plots" / "versions.svg"


def better(bench: Bench) -> dict[str, Any]:
    """One change, with the state that the column shows at each moment."""
    changing, states, is_over = bench.changing, list[tuple[float, str]](), threading.Event()

    def watch(began: float) -> None:
        while not is_over.wait(0.3):
            states.append((time.monotonic() - began, changing.state()))

    with bench.search.start_load(changing.products.url, RATE) as load:
        began = time.monotonic()
        watching = threading.Thread(target=watch, args=(began,))
        watching.start()
        time.sleep(5)
        changing.change("better", f"{SLOW}plotted")
        changing.await_active("better")
        time.sleep(5)
        is_over.set()
        watching.join()
        outcomes = load.outcome()
    changing.check(outcomes, "", "better")
    names = {digest: edition or "main" for edition, (digest, _) in changing.known.items()}
    draw(PLOT, outcomes, states, names)
    assert any(re.fullmatch("Fetching [1-9][0-9]?%", state) for _, state in states), states
    assert bench.verdict()["referenceDigest"] == changing.known[""][0], "a ready pod was the reference"
    seen = list(dict.fromkeys(state for _, state in states))
    return {"requests": len(outcomes), "failed": 0, "wrong_scores": 0, "states": seen}


def back(bench: Bench) -> dict[str, Any]:
    """The version of before, which is on the volume."""
    bench.changing.change("better")
    bench.changing.await_active("better")
    before = bench.files_fetched()
    with bench.loaded() as figures:
        bench.changing.change("main")
        bench.changing.await_active("")
    assert bench.files_fetched() == before, "nothing was downloaded"
    return {**figures, "files_downloaded": 0}


def pinned(bench: Bench) -> dict[str, Any]:
    """A kept version, by an annotation; over with another model in the spec."""
    changing, products, namespace = bench.changing, bench.products, bench.namespace
    changing.change("better")
    changing.await_active("better")
    spec, before = products.get()["spec"], bench.files_fetched()
    with bench.loaded() as figures:
        digest = changing.known[""][0]
        namespace.kubectl("annotate", f"reranker/{products.name}", f"bge-reranker.io/rollback={digest[:12]}")
        products.await_reason("Ready", "PinnedByAnnotation")
        assert products.condition("ModelReady")["reason"] == "PinnedByAnnotation"
        wait_until(lambda: products.get()["status"]["model"]["active"]["digest"] == digest, "the kept version serves")
        assert products.get()["spec"] == spec
        assert bench.files_fetched() == before, "nothing was downloaded"
        changing.change("main")
        changing.await_active("")
        assert products.condition("ModelReady")["reason"] == "Loaded"
        namespace.kubectl("annotate", f"reranker/{products.name}", "bge-reranker.io/rollback-")
    return {**figures, "files_downloaded": 0}


def two_changes(bench: Bench) -> dict[str, Any]:
    """Another wish in the middle of a change."""
    with bench.loaded() as figures:
        bench.changing.change("better")
        time.sleep(3)
        bench.changing.change("main")
        bench.changing.await_active("")
        bench.changing.change("better")
        bench.changing.await_active("better")
    return figures


def suspended(bench: Bench) -> dict[str, Any]:
    """In the middle of a download; it goes on when it may."""
    changing, before = bench.changing, bench.changing.revision()
    with bench.loaded() as figures:
        changing.change("better", f"{SLOW}suspended")
        wait_until(lambda: changing.state().startswith("Fetching"), "it is being fetched")
        changing.change("better", f"{SLOW}suspended", lifecycle={"suspend": True})
        bench.products.await_reason("Ready", "Suspended")
        time.sleep(SUSPENDED_S)
        assert changing.revision() == before, "not even what was fetched meanwhile is rolled out"
        changing.change("better", f"{SLOW}suspended")
        changing.await_active("better")
    return figures


def deleted(bench: Bench) -> dict[str, Any]:
    """In the middle of a change: all that it made goes, and one of the same name serves anew."""
    bench = bench.named("brief")
    figures = {}
    for state in ("Fetching", "RollingOut"):
        bench.begin()
        bench.changing.change("better", f"{SLOW}deleted-{state.lower()}")
        wait_until(lambda state=state: bench.changing.state().startswith(state), state)  # type: ignore[misc] # bound here
        began = time.monotonic()
        bench.namespace.kubectl("delete", "reranker", bench.products.name)
        wait_until(lambda: bench.left() == [], "all that it made goes")
        figures[state] = {"gone_after_s": round(time.monotonic() - began, 1)}
    bench.begin()
    bench.namespace.kubectl("delete", "reranker", bench.products.name)
    return figures


def operator_killed(bench: Bench) -> dict[str, Any]:
    """In each state that a change is in."""
    figures = {}
    for state, edition, known in (("Fetching", "better", "better"), ("RollingOut", "main", "")):
        with bench.loaded() as figures[state]:
            bench.changing.change(edition, f"{SLOW}{state.lower()}")
            wait_until(lambda state=state: bench.changing.state().startswith(state), state)  # type: ignore[misc] # bound here
            bench.products.kill_operator()
            bench.changing.await_active(known)
    with bench.loaded() as figures["RolledBack"]:
        bench.changing.change("missing")
        bench.products.await_reason("Ready", "RolledBack")
        bench.products.kill_operator()
        bench.namespace.kubectl("wait", "pod", f"--selector={OPERATOR}", "--for=condition=Ready")
        time.sleep(10)
        assert bench.changing.state() == "RolledBack"
        assert bench.namespace.get("jobs")["items"] == [], "what failed for good is not tried again"
        bench.changing.change("better")
        bench.changing.await_active("better")
    with bench.loaded() as figures["AllReplicasReady"]:
        before = bench.changing.revision()
        bench.products.kill_operator()
        bench.namespace.kubectl("wait", "pod", f"--selector={OPERATOR}", "--for=condition=Ready")
        time.sleep(10)
        assert (bench.changing.state(), bench.changing.revision()) == ("AllReplicasReady", before)
    return figures
