"""docs/single-machine.md under load: what happens around a request costs no request."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from .machine import BODY, WAIT_S, Machine, single_machine

pytestmark = pytest.mark.slow

FLAGS = {"BGE_RERANKER_DRAIN_DELAY_S": "1"}
IMPATIENT = {
    "client_body_timeout 30s": "client_body_timeout 2s",
    "client_header_timeout 10s": "client_header_timeout 2s",
}
SLOW_CLIENTS = 100


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One machine for all tests; each leaves both of its servers running."""
    with single_machine(tmp_path_factory.mktemp("machine"), FLAGS, IMPATIENT) as running:
        yield running


def until_idle(machine: Machine) -> None:
    """Wait until no server has a request inside; the scrape itself is one."""
    tick = threading.Event()
    assert any(
        all(server.metric("requests_in_flight") <= 1 for server in machine.servers) or tick.wait(0.05)
        for _ in range(int(WAIT_S * 20))
    )


def answered_requests(machine: Machine) -> float:
    return sum(server.metric("rerank_requests_total", prefix="") for server in machine.servers)


def tls(machine: Machine, receive_bytes: int | None = None) -> ssl.SSLSocket:
    plain = socket.create_connection(machine.address, timeout=WAIT_S)
    if receive_bytes is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    return machine.trust.wrap_socket(plain)


def test_no_request_is_lost_while_nginx_is_reloaded(machine: Machine) -> None:
    with machine.loaded() as load:
        for _ in range(3):
            machine.reload()
            load.wait_for(20)
    assert load.lost == {}


def test_no_request_is_lost_while_one_server_after_the_other_is_restarted(machine: Machine) -> None:
    with machine.loaded() as load:
        for server in machine.servers:
            server.restart()
            load.wait_for(20)
    assert load.lost == {}


def test_no_request_is_lost_when_a_server_is_killed_under_load(machine: Machine) -> None:
    with machine.loaded() as load:
        machine.servers[0].stop(signal.SIGKILL)
        load.wait_for(50)
        machine.servers[0].start()
        load.wait_for(20)
    assert load.lost == {}


def test_a_request_inside_a_server_that_dies_is_answered_by_the_other(machine: Machine) -> None:
    until_idle(machine)
    process = machine.servers[0].process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(machine.post) for _ in range(8)]
        tick = threading.Event()
        # One waits for the server that stands still; the other server, which has fewer, gets the rest.
        assert any(sum(one.done() for one in asked) == 7 or tick.wait(0.02) for _ in range(int(WAIT_S * 50)))
        machine.servers[0].stop(signal.SIGKILL)
        assert [one.result().status_code for one in asked] == [200] * 8
    machine.servers[0].start()


def test_without_any_server_callers_are_told_when_to_come_back_and_the_first_that_starts_serves(
    machine: Machine,
) -> None:
    for server in machine.servers:
        server.stop(signal.SIGKILL)
    refused = machine.post()
    assert (refused.status_code, refused.json()["code"]) == (503, "NotReady")
    assert refused.headers["retry-after"] == "2"
    machine.servers[1].start()
    assert machine.post().status_code == 200
    machine.servers[0].start()


def test_slow_clients_cost_the_servers_nothing_and_are_cut_off(machine: Machine) -> None:
    until_idle(machine)
    with ExitStack() as stack:
        slow = [stack.enter_context(tls(machine)) for _ in range(SLOW_CLIENTS)]
        for number, client in enumerate(slow):
            # Half of them stop in their headers, half in their body.
            rest = b"" if number % 2 else b"Content-Length: 100\r\n\r\n{"
            client.sendall(b"POST /rerank HTTP/1.1\r\nHost: x\r\n" + rest)
        assert machine.post().status_code == 200
        assert [server.metric("requests_in_flight") for server in machine.servers] == [1.0, 1.0]
        for client in slow:
            # Closed, after a 408 or without a word.
            while client.recv(4_096):
                pass


def test_a_client_that_does_not_read_its_answer_keeps_no_server_busy(machine: Machine) -> None:
    body = json.dumps({"query": "q", "candidates": [f"{number} {'x' * 20_000}" for number in range(200)]}).encode()
    answered = answered_requests(machine)
    with tls(machine, receive_bytes=4_096) as lazy:
        lazy.sendall(b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        tick = threading.Event()
        assert any(answered_requests(machine) == answered + 1 or tick.wait(0.05) for _ in range(int(WAIT_S * 20)))
        until_idle(machine)


def test_connections_to_the_servers_are_kept(machine: Machine) -> None:
    for _ in range(4):
        machine.post()
    until_idle(machine)
    open_ones = [
        connection
        for server in machine.servers
        if server.process is not None
        for connection in psutil.Process(server.process.pid).net_connections("tcp")
        if connection.status == psutil.CONN_ESTABLISHED
        and str(connection.laddr.port) == server.environment["BGE_RERANKER_PORT"]
    ]
    assert open_ones


def test_the_servers_own_errors_reach_the_caller(machine: Machine) -> None:
    many = {"query": "q", "candidates": [f"{number} good words" for number in range(4_000)]}
    late = machine.post(many, headers={"X-Request-Deadline-Ms": "1"})
    assert (late.status_code, late.json()["code"]) == (504, "DeadlineExceeded")
    too_large = machine.post({"query": "q", "candidates": ["x" * 16_800_000]})
    assert (too_large.status_code, too_large.json()["code"]) == (413, "BodyTooLarge")
    assert "maxBodyBytes" in too_large.text
    much_too_large = machine.post({"query": "q", "candidates": ["x" * 18_000_000]})
    assert (much_too_large.status_code, much_too_large.json()["code"]) == (413, "BodyTooLarge")


def test_metrics_are_not_for_callers_and_ids_are_the_same_on_both_sides(machine: Machine) -> None:
    assert httpx.get(machine.url + "/metrics", verify=machine.trust).status_code == 404
    assert machine.post(headers={"X-Request-Id": "of-the-caller"}).headers["x-request-id"] == "of-the-caller"
    made = machine.post().headers["x-request-id"]
    tick = threading.Event()
    # nginx writes a line after the answer.
    assert any(made in (machine.folder / "access.log").read_text() or tick.wait(0.05) for _ in range(int(WAIT_S * 20)))
    logged = [json.loads(line) for line in (machine.folder / "access.log").read_text().splitlines()]
    assert [line["request_id"] for line in logged][-2:] == ["of-the-caller", made]
    assert str(BODY["query"]) not in json.dumps(logged, ensure_ascii=False)


def test_an_address_that_sends_too_much_is_told_so(tmp_path: Path) -> None:
    tight = {"rate=100r/s": "rate=1r/m", "burst=200": "burst=1"}
    with single_machine(tmp_path, replaced=tight, are_started=False) as alone:
        answers = [alone.post() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 429]
    assert answers[2].json()["code"] == "RateLimited"
    assert answers[2].headers["retry-after"] == "1"
