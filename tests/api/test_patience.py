"""Clients that are slow, or leave: the server frees what they held and serves the others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest

from tests.live.server import WAIT_S, LiveServer, live_server

HEAD = b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
BODY = b'{"query": "q", "candidates": ["good", "bad"]}'


def connect(server: LiveServer) -> socket.socket:
    return socket.create_connection(server.address, timeout=WAIT_S)


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received


def status_of_answer(connection: socket.socket) -> int:
    """Read one answer whole, however many segments it arrives in."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def eventually(condition: Callable[[], bool]) -> bool:
    """Ask again and again until it is true; the server gives no event to wait for."""
    tick = threading.Event()
    return any(condition() or tick.wait(0.01) for _ in range(int(WAIT_S / 0.01)))


def test_a_client_that_sends_nothing_is_closed_after_the_header_timeout(server: LiveServer) -> None:
    with connect(server) as connection:
        assert b"408" in read_all(connection)
    assert server.is_well()


def test_a_client_that_stops_in_its_headers_is_answered_408(server: LiveServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"POST /rerank HTTP/1.1\r\nHost:")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"RequestTimedOut" in answer


def test_a_second_request_on_a_connection_has_the_same_patience_for_its_headers(server: LiveServer) -> None:
    with connect(server) as connection:
        connection.sendall(HEAD % len(BODY) + BODY)
        assert status_of_answer(connection) == HTTPStatus.OK
        connection.sendall(b"GET /hea")
        assert b"408" in read_all(connection)


def test_a_client_that_stops_in_its_body_is_answered_408_and_closed(server: LiveServer) -> None:
    with connect(server) as connection:
        connection.sendall(HEAD % 1_000 + BODY)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"RequestTimedOut" in answer
    assert server.is_well()


@pytest.mark.parametrize("head", [b"POST /nothing", b"POST /health", b"GET /health", b"POST /rerank"], ids=bytes.decode)
def test_a_client_that_never_ends_a_body_which_was_answered_already_is_closed(server: LiveServer, head: bytes) -> None:
    with connect(server) as connection:
        kind = b"Content-Type: text/plain\r\n"
        connection.sendall(head + b" HTTP/1.1\r\nHost: x\r\n" + kind + b"Content-Length: 1000000\r\n\r\n")
        connection.sendall(b"{")
        assert read_all(connection).count(b"HTTP/1.1 ") == 1


def test_a_body_that_ends_after_its_answer_leaves_the_connection_open(server: LiveServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        assert status_of_answer(connection) == HTTPStatus.NOT_FOUND
        connection.sendall(b"123456789" + HEAD % len(BODY) + BODY)
        assert status_of_answer(connection) == HTTPStatus.OK


def test_a_client_that_does_not_take_its_answer_is_closed(server: LiveServer) -> None:
    content = b'{"query": "q", "candidates": ["' + b"good " * 1_400_000 + b'"]}'
    with connect(server) as connection:
        # More than the kernels of both sides keep for a reader that is late.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sendall(HEAD % len(content) + content)
        assert eventually(lambda: server.metrics.requests_in_flight._value.get() == 1)
        assert eventually(lambda: server.metrics.requests_in_flight._value.get() == 0)
    assert server.is_well()


def test_a_long_computation_is_not_cut_by_the_patience_for_headers(server: LiveServer) -> None:
    server.scorer.gate.clear()
    opener = threading.Timer(1.5, server.scorer.gate.set)
    opener.start()
    assert server.is_well()
    opener.join()


def test_bytes_that_are_not_http_are_answered_400(server: LiveServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"\x16\x03\x01\x00\xa5 this is not HTTP\r\n\r\n")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"MalformedRequest" in answer
    assert server.is_well()


def test_a_client_that_hangs_up_in_the_queue_costs_no_computation(fresh_server: LiveServer) -> None:
    fresh_server.scorer.gate.clear()
    fresh_server.scorer.computing.clear()
    with connect(fresh_server) as computing, connect(fresh_server) as preparing, connect(fresh_server) as waiting:
        computing.sendall(HEAD % len(BODY) + BODY)
        assert fresh_server.scorer.computing.wait(WAIT_S)
        for connection in (preparing, waiting):
            connection.sendall(HEAD % len(BODY) + BODY)
        assert eventually(lambda: fresh_server.metrics.requests_in_flight._value.get() == 3)
        for connection in (preparing, waiting):
            connection.close()
        assert eventually(lambda: fresh_server.metrics.requests_in_flight._value.get() == 1)
        fresh_server.scorer.gate.set()
        assert computing.recv(65_536).startswith(b"HTTP/1.1 200")
    assert eventually(lambda: fresh_server.engine.backlog_tokens == 0)
    assert fresh_server.scorer.scored_pairs - _warm_up_pairs(fresh_server) == 2
    assert fresh_server.metrics.errors.labels("CallerGone")._value.get() == 2


def _warm_up_pairs(server: LiveServer) -> int:
    """What calibration scored: everything that no caller asked for."""
    served = int(server.metrics.pairs._value.get())
    return server.scorer.scored_pairs - served


def test_a_client_that_hangs_up_in_compute_harms_no_other(server: LiveServer) -> None:
    server.scorer.gate.clear()
    server.scorer.computing.clear()
    with connect(server) as leaving:
        leaving.sendall(HEAD % len(BODY) + BODY)
        assert server.scorer.computing.wait(WAIT_S)
    assert eventually(lambda: server.metrics.requests_in_flight._value.get() == 0)
    server.scorer.gate.set()
    assert server.is_well()
    assert eventually(lambda: server.engine.backlog_tokens == 0)


def test_a_request_whose_deadline_passes_in_the_queue_is_answered_504_at_once(server: LiveServer) -> None:
    server.scorer.gate.clear()
    answer = server.post({"query": "q", "candidates": ["good"] * 10}, headers={"X-Request-Deadline-Ms": "100"})
    assert (answer.status_code, answer.json()["code"]) == (504, "DeadlineExceeded")
    server.scorer.gate.set()
    assert server.is_well()


def test_a_full_queue_refuses_at_once_with_the_seconds_to_wait(fresh_server: LiveServer) -> None:
    fresh_server.scorer.gate.clear()
    big = {"query": "q", "candidates": ["good " * 60] * 1_500}
    with connect(fresh_server) as first:
        content = httpx.Request("POST", "http://x/rerank", json=big).content
        first.sendall(HEAD % len(content) + content)
        assert eventually(lambda: fresh_server.engine.backlog_tokens > 50_000)
        refused = fresh_server.post(big)
        assert (refused.status_code, refused.json()["code"]) == (429, "QueueFull")
        assert int(refused.headers["retry-after"]) >= 1
        fresh_server.scorer.gate.set()
        assert first.recv(65_536).startswith(b"HTTP/1.1 200")
    assert fresh_server.is_well()


def test_a_connection_beyond_the_limit_is_told_when_to_come_back_and_the_others_are_served(tmp_path: Path) -> None:
    request = HEAD % len(BODY) + BODY
    with live_server(tmp_path, {"max_connections": 2}) as server:
        with connect(server) as one, connect(server) as two:
            for connection in (one, two):
                connection.sendall(request)
                assert status_of_answer(connection) == HTTPStatus.OK
            with connect(server) as three:
                three.sendall(request)
                answer = read_all(three)
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"retry-after: 1\r\n" in answer
            assert b"which is its limit" in answer
            one.sendall(request)
            assert status_of_answer(one) == HTTPStatus.OK
            labels = {"code": "TooManyConnections"}
            assert server.metrics.registry.get_sample_value("bge_reranker_errors_total", labels) == 1
        assert eventually(server.is_well)


def test_an_offered_upgrade_is_declined_by_answering_the_request(server: LiveServer) -> None:
    head = HEAD.replace(
        b"Host: x", b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A"
    )
    with connect(server) as connection:
        connection.sendall(head % len(BODY) + BODY)
        assert status_of_answer(connection) == HTTPStatus.OK


def test_headers_beyond_their_limit_are_refused_with_431(fresh_server: LiveServer) -> None:
    with connect(fresh_server) as connection:
        connection.sendall(b"GET /info HTTP/1.1\r\n" + b"X-Y: " + b"a" * 70_000)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 431")
    assert b"65536" in answer
    assert fresh_server.metrics.errors.labels("MalformedRequest")._value.get() == 1
    assert fresh_server.metrics.http_requests.labels("none", "431")._value.get() == 1


def test_a_broken_chunk_is_refused_at_once(server: LiveServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"POST /rerank HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
        assert b" 400 " in read_all(connection)
    assert server.is_well()


def test_a_broken_second_request_does_not_cost_the_first_its_answer(server: LiveServer) -> None:
    with connect(server) as connection:
        connection.sendall(HEAD % len(BODY) + BODY + b"NONSENSE\r\n\r\n")
        assert status_of_answer(connection) == HTTPStatus.OK
    assert server.is_well()


@pytest.mark.parametrize("path", [b"/rerank", b"/nothing"])
def test_an_idle_connection_is_closed_though_its_body_was_answered_before_it_had_come(
    tmp_path: Path, path: bytes
) -> None:
    head = (HEAD % 10_000).replace(b"/rerank", path).replace(b"application/json", b"text/plain")
    with live_server(tmp_path, {"keep_alive_s": 1}) as server, connect(server) as connection:
        connection.sendall(head + b"x")
        assert status_of_answer(connection) in (404, 415)
        connection.sendall(b"x" * 9_999)
        assert read_all(connection) == b""
