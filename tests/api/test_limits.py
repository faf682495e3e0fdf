"""Limits of callers over real sockets: in whose words they are said, whom they count for, when they are looked at."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bge_reranker.api.dispatch import DIALECTS
from tests.live.redis_server import redis_server
from tests.live.server import WAIT_S, LiveServer, live_server

from .test_patience import eventually

KEY, OTHER = "the-key-of-a-test", "the-other-key-of-a-test"
BODY = {"query": "q", "candidates": ["bad", "good"]}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def one_a_minute(tmp_path: Path) -> Iterator[LiveServer]:
    with live_server(tmp_path, {"api_keys": f"{KEY},{OTHER}", "requests_per_minute": 1}) as server:
        yield server


def statuses(server: LiveServer, times: int, **options: Any) -> list[int]:
    return [server.post(BODY, **options).status_code for _ in range(times)]


def test_each_key_has_its_share_and_a_refusal_says_when_to_come_back(one_a_minute: LiveServer) -> None:
    assert statuses(one_a_minute, 2, headers=bearer(KEY)) == [200, 429]
    assert statuses(one_a_minute, 1, headers=bearer(OTHER)) == [200]
    answer = one_a_minute.post(BODY, headers=bearer(KEY))
    assert answer.json()["code"] == answer.headers["x-error-code"] == "RateLimited"
    assert 1 <= int(answer.headers["retry-after"]) <= 120
    assert int(answer.headers["retry-after-ms"]) > 0
    assert answer.headers["x-ratelimit-limit-requests"] == "1"
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert answer.headers["x-ratelimit-reset-requests"] == answer.headers["retry-after"] + "s"


@pytest.mark.parametrize("name", DIALECTS)
def test_a_refusal_has_the_status_and_form_of_its_dialect(guarded: LiveServer, name: str) -> None:
    answer = guarded.post({}, path=f"/dialects/{name}{DIALECTS[name].routes[0]}", headers=bearer(KEY))
    body = answer.json()
    assert answer.status_code == DIALECTS[name].statuses.overloaded
    assert body["code"] == "RateLimited"
    assert isinstance(body["error"], dict) == (DIALECTS[name].error_object != "never")
    assert isinstance(body["detail"], list) == DIALECTS[name].lists_problems


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose one caller has used up its share, for longer than any test takes."""
    with live_server(tmp_path_factory.mktemp("limited"), {"api_keys": KEY, "tokens_per_minute": 1}) as server:
        large = {"query": "q", "candidates": ["good"] * 500}
        assert server.post(large, headers=bearer(KEY)).status_code == 200
        yield server


def test_a_share_that_is_used_up_is_told_before_the_body_is_sent(guarded: LiveServer) -> None:
    head = f"POST /rerank HTTP/1.1\r\nHost: x\r\nApi-Key: {KEY}\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection(guarded.address, timeout=WAIT_S) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 429 ")


def test_probes_and_metrics_are_never_limited(guarded: LiveServer) -> None:
    for path in ("/health", "/info", "/v1/models"):
        assert [httpx.get(guarded.url + path, timeout=WAIT_S).status_code for _ in range(3)] == [200] * 3


def test_without_keys_the_clients_address_counts_and_only_trusted_proxies_name_it(tmp_path: Path) -> None:
    flags = {"requests_per_minute": 1, "trusted_proxies": "127.0.0.0/8"}
    with live_server(tmp_path, flags) as server:
        for client in ("203.0.113.1", "203.0.113.2"):
            assert statuses(server, 2, headers={"X-Forwarded-For": client}) == [200, 429]
        # What a client puts there itself makes nobody else of it.
        assert statuses(server, 1, headers={"X-Forwarded-For": "192.0.2.1, 203.0.113.2"}) == [429]
    with live_server(tmp_path, {"requests_per_minute": 1}) as server:
        assert statuses(server, 1, headers={"X-Forwarded-For": "203.0.113.1"}) == [200]
        assert statuses(server, 1, headers={"X-Forwarded-For": "203.0.113.2"}) == [429]


def test_tokens_are_charged_as_they_were_and_a_request_that_failed_costs_none(tmp_path: Path) -> None:
    with live_server(tmp_path, {"tokens_per_minute": 100, "api_keys": KEY}) as server:
        for _ in range(5):
            assert server.post({"query": "q", "candidates": []}, headers=bearer(KEY)).status_code == 422
        first = server.post({"query": "q", "candidates": ["good"] * 8}, headers=bearer(KEY))
        assert first.status_code == 200
        charged = int(first.headers["x-compute-tokens"])
        assert 0 < charged < 100
        assert server.post({"query": "q", "candidates": ["good"] * 100}, headers=bearer(KEY)).status_code == 429
        refused = server.post({"query": "q", "candidates": ["good"] * 100}, headers=bearer(KEY))
        assert refused.headers["x-ratelimit-limit-tokens"] == "100"
        assert server.post({"query": "q", "candidates": ["good"]}, headers=bearer(KEY)).status_code == 200


def test_whoever_hangs_up_pays_what_was_estimated(tmp_path: Path) -> None:
    with live_server(tmp_path, {"tokens_per_minute": 100}) as server:
        server.scorer.gate.clear()
        server.scorer.computing.clear()
        with socket.create_connection(server.address, WAIT_S) as connection:
            body = json.dumps({"query": "q", "candidates": ["good"] * 100}).encode()
            connection.sendall(b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
            connection.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert server.scorer.computing.wait(WAIT_S)
        assert eventually(lambda: server.metrics.requests_in_flight._value.get() == 0)
        server.scorer.gate.set()
        assert server.post(BODY).status_code == 429


def test_two_replicas_share_a_limit_by_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis:
        flags = {"api_keys": KEY, "requests_per_minute": 5, "redis_url": redis.url, "redis_timeout_ms": 1000}
        with live_server(tmp_path, flags) as first:
            assert statuses(first, 3, headers=bearer(KEY)) == [200] * 3
        with live_server(tmp_path, flags) as second:
            assert statuses(second, 3, headers=bearer(KEY)) == [200, 200, 429]


def test_redis_that_is_away_costs_nobody_an_answer(tmp_path: Path) -> None:
    flags = {
        "api_keys": KEY,
        "requests_per_minute": 6,
        "redis_url": "redis://127.0.0.1:1/0",
        "redis_timeout_ms": 1000,
    }
    with live_server(tmp_path, flags) as server:
        assert statuses(server, 7, headers=bearer(KEY)) == [200] * 6 + [429]
        sample = server.metrics.registry.get_sample_value
        assert sample("bge_reranker_redis_breaker_open") == 1
        assert sample("bge_reranker_redis_operations_total", {"part": "limits", "outcome": "failed"}) == 3
        assert sample("bge_reranker_redis_operations_total", {"part": "limits", "outcome": "skipped"}) == 3


def test_one_callers_bodies_are_capped_while_they_arrive_and_others_are_not(tmp_path: Path) -> None:
    flags = {"api_keys": f"{KEY},{OTHER}", "max_caller_bodies_bytes": 20_000, "body_timeout_s": 5}
    large = json.dumps({"query": "q", "candidates": ["x" * 30_000]}).encode()
    with live_server(tmp_path, flags) as server:
        head = f"POST /rerank HTTP/1.1\r\nHost: x\r\nApi-Key: {KEY}\r\nContent-Length: {len(large)}\r\n\r\n"
        with socket.create_connection(server.address, timeout=WAIT_S) as slow:
            slow.sendall(head.encode() + large[:19_000])
            wait_until_held(server)
            refused = server.post({"query": "q", "candidates": ["y" * 5_000]}, headers=bearer(KEY))
            assert (refused.status_code, refused.json()["code"]) == (429, "RateLimited")
            assert "maxCallerBodiesBytes" in refused.json()["message"]
            assert server.is_well(OTHER)
            # One alone is always taken.
            slow.sendall(large[19_000:])
            assert slow.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert server.is_well(KEY)


def wait_until_held(server: LiveServer) -> None:
    """Wait until a large request of the one caller is refused, as its slow one has arrived in part."""
    for _ in range(200):
        if server.post({"query": "q", "candidates": ["y" * 5_000]}, headers=bearer(KEY)).status_code == 429:
            return
    pytest.fail("it never was")
