from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bge_reranker.engine.engine import Engine
from bge_reranker.engine.notes import Note, NoteKind
from bge_reranker.errors import DeadlineExceeded, EmptyField, TooManyConnections
from bge_reranker.observe.bulk_histogram import BulkHistogram
from bge_reranker.observe.metrics import Metrics
from bge_reranker.observe.tei_names import TeiNames
from bge_reranker.settings import EngineSettings
from tests import needs
from tests.engine.fakes import FakeScorer
from tests.in_ci import IN_CI
from tests.live.server import LiveServer, live_server

OF_MODEL = "bge_reranker_model_info"


def series(metrics: Metrics) -> dict[str, float]:
    """Every sample's value, but what Python and the process say of themselves."""
    text = generate_latest(metrics.registry).decode()
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith(("#", "process_", "python_"))]
    return {name: float(value) for name, _, value in lines}


@pytest.mark.parametrize(
    ("kinds", "count"),
    [
        ((), 0),
        ((NoteKind.PAIRS_APART, NoteKind.NO_INT8_PRODUCTS), 0),
        ((NoteKind.BODY_REPLACED, NoteKind.BODY_REPLACED), 2),
        ((NoteKind.RUNTIME_REPLACED, NoteKind.PAIRS_APART), 1),
    ],
)
def test_replaced_computations_are_counted_by_kind(kinds: tuple[NoteKind, ...], count: int) -> None:
    scorer, metrics = FakeScorer(), Metrics()
    description = replace(scorer.description, notes=tuple(map(Note, kinds)))
    metrics.serve("model", None, "d" * 64, description, Engine(scorer, EngineSettings(), clock=scorer.clock))
    assert f"bge_reranker_replaced_bodies {count}.0" in generate_latest(metrics.registry).decode()


@pytest.mark.skipif(not needs.PROMETHEUS.is_met and not IN_CI, reason=needs.PROMETHEUS.lack)
def test_prometheus_own_linter_finds_nothing(server: LiveServer) -> None:
    assert server.is_well()
    for metrics in (Metrics(), server.metrics):
        text = generate_latest(metrics.registry)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_every_series_of_a_served_model_is_there_from_the_start(fresh_server: LiveServer) -> None:
    at_start = series(Metrics())
    assert fresh_server.is_well()
    fresh_server.post({"query": "q", "candidates": ["nan", "good"]})
    fresh_server.post({"query": "q", "candidates": [""]})
    served = series(fresh_server.metrics)
    assert {name for name in served.keys() ^ at_start.keys() if not name.startswith(OF_MODEL)} == set()
    assert [value for name, value in at_start.items() if name.startswith(OF_MODEL)] == [0]
    assert [value for name, value in served.items() if name.startswith(OF_MODEL)] == [1]


def test_the_version_of_the_model_is_on_one_series(fresh_server: LiveServer) -> None:
    marked = [name for name in series(fresh_server.metrics) if "d" * 64 in name or "scripted" in name]
    assert [name.partition("{")[0] for name in marked] == [OF_MODEL]


@pytest.mark.parametrize(
    ("fresh", "live", "ready"),
    [("loading", 1, 0), ("draining", 1, 0), ("dead", 0, 0), ("serving", 1, 1)],
)
def test_the_metrics_are_scraped_whatever_the_server_is_doing(
    tmp_path: Path, fresh: str, live: int, ready: int
) -> None:
    with live_server(tmp_path) as server:
        model = server.state.model
        if fresh == "loading":
            server.state.model = None
        if fresh == "dead":
            assert server.post({"query": "q", "candidates": ["die"]}).status_code == 503
        server.state.is_draining = fresh == "draining"
        answer = httpx.get(server.management_url + "/metrics")
        server.state.model, server.state.is_draining = model, False
    assert answer.status_code == 200
    found = samples(answer.text)
    assert (found["bge_reranker_live"], found["bge_reranker_ready"]) == (live, ready)
    assert found["bge_reranker_backlog_seconds"] == 0
    assert found.keys() >= {name for name in series(Metrics()) if not name.startswith(OF_MODEL)}


def samples(text: str) -> Mapping[str, float]:
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    }


@pytest.mark.parametrize("rounds", [50, pytest.param(2_500, marks=pytest.mark.slow)])
def test_hostile_names_and_paths_make_no_series(server: LiveServer, rounds: int) -> None:
    body = {"query": "q", "candidates": ["good"]}
    with httpx.Client(base_url=server.url) as client:

        def attack(number: int) -> None:
            name = f"{number}'\"\\\n}}{{"
            headers = {"X-Request-Id": f"id-{number}", "User-Agent": f"agent-{number}"}
            client.post("/rerank", json={**body, "model": name}, headers=headers)
            client.post(f"/{number}/rerank", json=body)
            client.get(f"/v1/models/{number}")
            client.post("/rerank", json=body, headers={"X-Rerank-Dialect": str(number)})

        attack(0)
        before = series(server.metrics).keys()
        for number in range(1, rounds):
            attack(number)
    assert series(server.metrics).keys() == before


def test_what_is_refused_for_want_of_capacity_is_counted_apart_from_what_is_wrong() -> None:
    metrics = Metrics()
    for error in (DeadlineExceeded("late"), TooManyConnections("many"), EmptyField("empty")):
        metrics.refused(error, error.status)
    metrics.request_ended("none", 499, "CallerGone", 1.0, 0, None)
    found = {
        match[1]: value
        for name, value in series(metrics).items()
        if value and (match := re.match(r'bge_reranker_rejections_total\{code="(.*)"\}', name))
    }
    assert found == {"DeadlineExceeded": 1, "TooManyConnections": 1}


def test_a_histogram_takes_many_values_at_once_as_it_takes_them_one_by_one() -> None:
    registry = CollectorRegistry()
    histogram = BulkHistogram("sizes", "Sizes.", (10, 20), registry)
    histogram.observe_all(np.array([1, 10, 11, 21], dtype=np.int32))
    histogram.observe_all(np.array([], dtype=np.int32))
    (family,) = text_string_to_metric_families(generate_latest(registry).decode())
    found = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}
    assert found == {"10.0": 2, "20.0": 3, "+Inf": 4, "sizes_count": 4, "sizes_sum": 43}


def test_teis_names_have_our_figures(tmp_path: Path) -> None:
    with live_server(tmp_path, {"tei_metric_names": True, "max_batch_tokens": 64}) as server:
        assert server.is_well()
        server.post({"query": "q", "candidates": ["boom"]})
        server.post({"query": "q", "candidates": [""] * 0})
    found = series(server.metrics)
    assert found['te_request_count{method="batch"}'] == 3
    assert found['te_request_success{method="batch"}'] == 1
    assert found['te_request_failure{err="inference"}'] == 1
    assert found['te_request_failure{err="validation"}'] == 1
    assert found["te_request_duration_count"] == found["bge_reranker_request_seconds_count"] == 3
    assert found["te_predict_success"] == 2
    assert found["te_batch_next_size_sum"] == found["bge_reranker_batch_pairs_sum"]
    assert found["te_queue_size"] == 0


def test_teis_names_are_there_from_the_start() -> None:
    metrics = Metrics()
    TeiNames(metrics)
    names = {name.partition("{")[0] for name in series(metrics) if name.startswith("te_")}
    assert {"te_request_count", "te_queue_size", "te_request_queue_duration_bucket"} <= names
