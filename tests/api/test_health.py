from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bge_reranker.errors import WorkerDied
from tests.live.server import LiveServer, live_server


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/health/live", "/ping"])
def test_both_listeners_say_that_they_are_well(server: LiveServer, path: str) -> None:
    for url in (server.url, server.management_url):
        assert httpx.get(url + path).status_code == 200
        assert httpx.head(url + path).status_code == 200


def test_management_never_ranks(server: LiveServer) -> None:
    assert httpx.post(server.management_url + "/rerank", json={"query": "q", "candidates": ["a"]}).status_code == 404


def test_a_draining_server_is_live_but_not_ready(fresh_server: LiveServer) -> None:
    fresh_server.state.is_draining = True
    ready = httpx.get(fresh_server.management_url + "/health/ready")
    live = httpx.get(fresh_server.management_url + "/health/live")
    assert (ready.status_code, live.status_code) == (503, 200)
    assert "draining" in ready.json()["reason"]


def test_a_loading_server_answers_503_with_the_time_to_come_back(fresh_server: LiveServer) -> None:
    fresh_server.state.model, model = None, fresh_server.state.model
    answer = fresh_server.post({"query": "q", "candidates": ["a"]})
    health = httpx.get(fresh_server.management_url + "/health/live").status_code
    fresh_server.state.model = model
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "NotReady", "2")
    assert health == 200


LOADING = ["/health", "/health/ready", "/ping", "/.well-known/ready", "/v1/health/ready", "/v2/models/any/ready", "/"]


@pytest.mark.parametrize("path", LOADING)
def test_a_probe_that_says_no_says_when_to_come_back_and_is_logged_with_its_code(tmp_path: Path, path: str) -> None:
    with live_server(tmp_path, {"log_level": "debug", "log_format": "json"}) as server:
        server.state.model, model = None, server.state.model
        answer = httpx.get(server.url + path)
        server.state.model = model
        assert answer.status_code == 503
        assert (answer.headers["retry-after"], answer.headers["x-error-code"]) == ("2", "NotReady")
        assert answer.json()["error_type"] == "Unhealthy"
    # A request is logged after its answer has left, so only a server that has ended has said everything.
    lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
    assert [line["code"] for line in lines if line["event"] == "request"] == ["NotReady"]


def test_a_draining_server_says_when_to_come_back(fresh_server: LiveServer) -> None:
    fresh_server.state.is_draining = True
    answer = httpx.get(fresh_server.url + "/health")
    assert (answer.status_code, answer.headers["x-error-code"]) == (503, "Draining")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_loading_server_is_unhealthy_in_teis_words_wherever_its_clients_call(fresh_server: LiveServer) -> None:
    fresh_server.state.model, model = None, fresh_server.state.model
    answers = [
        fresh_server.post({"query": "q", "texts": ["a"]}, path=path) for path in ("/rerank", "/", "/invocations")
    ]
    broken = httpx.post(fresh_server.url + "/rerank", content=b"{")
    fresh_server.state.model = model
    assert {(answer.status_code, answer.json()["error_type"]) for answer in answers} == {(503, "Unhealthy")}
    assert broken.status_code == 422


def test_a_dead_worker_turns_liveness_red_and_fails_requests_by_name(tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        answer = server.post({"query": "q", "candidates": ["die"]})
        assert (answer.status_code, answer.json()["code"]) == (503, WorkerDied.__name__)
        assert httpx.get(server.management_url + "/health/live").status_code == 503
        assert server.post({"query": "q", "candidates": ["a"]}).status_code == 503


def test_info_tells_model_scorer_limits_and_backlog(server: LiveServer) -> None:
    info = httpx.get(server.url + "/info").json()
    model = {"name": "scripted", "source": "file:///scripted", "revision": None, "digest": "d" * 64}
    assert info["model"] == {**model, "verified": "full"}
    assert info["capacity"] == {"tokens_per_second": 1280.0, "pairs_per_second": 10.0, "pair_tokens": 128, "batch_s": 0}
    assert info["scorer"]["batch_invariant"] is True
    assert info["limits"]["max_documents"] == 5_000
    assert info["text"]["max_pair_tokens"] == 64
    assert info["engine"]["tokens_per_second"] > 0


def test_metrics_are_all_there_before_the_first_request_and_count_after_it(fresh_server: LiveServer) -> None:
    before = _samples(fresh_server)
    for name in ("rerank_requests_total", "bge_reranker_backlog_seconds", "bge_reranker_tokens_total"):
        assert name in before
    fresh_server.post({"query": "q", "candidates": ["good " * 100, "bad"]})
    fresh_server.post({"query": "q", "candidates": []})
    after = _samples(fresh_server)
    assert after["rerank_requests_total"] - before["rerank_requests_total"] == 2
    assert after["bge_reranker_pairs_total"] == 2
    assert after["bge_reranker_tokens_total"] == 64 + 6
    assert after["bge_reranker_truncated_documents_total"] == 1
    assert after["bge_reranker_errors_total{EmptyField}"] == 1
    assert after["bge_reranker_queue_seconds_count"] == 1
    assert after["bge_reranker_model_info{cpu,%s,scripted,float32,,test}" % ("d" * 64)] == 1


def _samples(server: LiveServer) -> dict[str, float]:
    """Samples by name, with the label values in braces in the order of the label names."""
    samples = {}
    for family in text_string_to_metric_families(generate_latest(server.metrics.registry).decode()):
        for sample in family.samples:
            labels = ",".join(sample.labels[name] for name in sorted(sample.labels))
            samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return samples
