"""The end of a whole server process: signals, drain, exit codes."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

WAIT_S = 30.0
BODY = {"query": "q", "candidates": ["bad", "good"]}


@dataclass
class SlowServer:
    process: subprocess.Popen[str]
    folder: Path
    url: str
    management_url: str

    def open_gate(self) -> None:
        (self.folder / "open").touch()

    def ask(self) -> httpx.Response:
        return httpx.post(self.url + "/rerank", json=BODY, timeout=WAIT_S)

    def health(self) -> int:
        return httpx.get(self.management_url + "/health/ready", timeout=WAIT_S).status_code

    def limit(self) -> tuple[int, int]:
        return resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)

    def wait_until_draining(self) -> None:
        tick = threading.Event()
        assert any(self.health() == 503 or tick.wait(0.02) for _ in range(500))

    def in_flight(self) -> int:
        return self._metric("requests_in_flight ")

    def refused_connections(self) -> int:
        return self._metric('errors_total{code="TooManyConnections"} ')

    def _metric(self, name: str) -> int:
        text = httpx.get(self.management_url + "/metrics", timeout=WAIT_S).text
        line = next(line for line in text.splitlines() if line.startswith(f"bge_reranker_{name}"))
        return int(float(line.split()[1]))


@contextmanager
def slow_server(folder: Path, *flags: str, open_files: int | None = None) -> Iterator[SlowServer]:
    command = [sys.executable, "-m", "tests.live.slow_server", str(folder), *flags]
    if open_files is not None:
        command = ["sh", "-c", f'ulimit -Sn {open_files // 2} && ulimit -Hn {open_files} && exec "$@"', "sh", *command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url, management_url = process.stdout.readline().split()
            yield SlowServer(process, folder, url, management_url)
        finally:
            process.kill()


def until(server: SlowServer, *, in_flight: int) -> None:
    """Wait until so many requests are inside; the scrape itself is one."""
    tick = threading.Event()
    assert any(server.in_flight() == in_flight + 1 or tick.wait(0.02) for _ in range(1_000))


def test_sigterm_with_a_full_queue_answers_everything_and_exits_with_zero(tmp_path: Path) -> None:
    with slow_server(tmp_path, "drain_delay_s=0.2") as server, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(server.ask) for _ in range(8)]
        until(server, in_flight=8)
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_draining()
        server.open_gate()
        answers = [answer.result() for answer in asked]
        assert [answer.status_code for answer in answers] == [200] * 8
        # These connections are closed although they were there before the signal.
        assert [answer.headers.get("connection") for answer in answers] == ["close"] * 8
        assert server.process.wait(WAIT_S) == 0


def test_requests_that_arrive_during_the_drain_are_served_and_told_to_close(tmp_path: Path) -> None:
    with slow_server(tmp_path, "drain_delay_s=30") as server:
        server.open_gate()
        assert server.health() == 200
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_draining()
        answer = server.ask()
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(WAIT_S) == 0


def test_a_second_sigterm_ends_the_delay_but_drops_nothing(tmp_path: Path) -> None:
    with slow_server(tmp_path, "drain_delay_s=600") as server, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(server.ask) for _ in range(4)]
        until(server, in_flight=4)
        server.process.send_signal(signal.SIGTERM)
        # Two signals at once would be delivered as one.
        server.wait_until_draining()
        server.process.send_signal(signal.SIGTERM)
        server.open_gate()
        assert [answer.result().status_code for answer in asked] == [200] * 4
        assert server.process.wait(WAIT_S) == 0


def test_a_client_that_does_not_take_its_answer_does_not_keep_the_process(tmp_path: Path) -> None:
    with slow_server(tmp_path, "drain_delay_s=0", "body_timeout_s=1") as server:
        server.open_gate()
        address, content = httpx.URL(server.url), json.dumps({"query": "q", "candidates": ["good " * 1_400_000]})
        with socket.create_connection((address.host, address.port or 0), timeout=WAIT_S) as idle:
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            head = f"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
            idle.sendall((head + content).encode())
            until(server, in_flight=1)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(WAIT_S) == 0


def test_a_keep_alive_connection_is_answered_until_the_listener_closes(tmp_path: Path) -> None:
    with slow_server(tmp_path, "drain_delay_s=30") as server, httpx.Client(base_url=server.url) as client:
        server.open_gate()
        assert client.post("/rerank", json=BODY).status_code == 200
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_draining()
        assert client.post("/rerank", json=BODY).headers["connection"] == "close"
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(WAIT_S) == 0


def test_a_connection_that_was_made_before_the_end_is_answered_after_the_listener_has_closed(tmp_path: Path) -> None:
    with slow_server(tmp_path, "drain_delay_s=30") as server:
        server.open_gate()
        address = httpx.URL(server.url)
        with socket.create_connection((address.host, address.port or 0), timeout=WAIT_S) as early:
            server.process.send_signal(signal.SIGTERM)
            server.wait_until_draining()
            server.process.send_signal(signal.SIGTERM)
            wait_until_refused(address)
            content = httpx.Request("POST", server.url + "/rerank", json=BODY).content
            early.sendall(b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
            answer = early.recv(65_536).lower()
        assert answer.startswith(b"http/1.1 200")
        assert b"connection: close" in answer
        assert server.process.wait(WAIT_S) == 0


def wait_until_refused(address: httpx.URL) -> None:
    tick = threading.Event()
    assert any(_is_refused(address) or tick.wait(0.02) for _ in range(1_000))


def _is_refused(address: httpx.URL) -> bool:
    try:
        socket.create_connection((address.host, address.port or 0), timeout=WAIT_S).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_process_whose_worker_dies_ends_by_itself(tmp_path: Path) -> None:
    with slow_server(tmp_path, "drain_delay_s=30") as server:
        server.open_gate()
        answer = httpx.post(server.url + "/rerank", json={"query": "q", "candidates": ["die"]}, timeout=WAIT_S)
        assert (answer.status_code, answer.json()["code"]) == (503, "WorkerDied")
        assert server.process.wait(WAIT_S) == 1
