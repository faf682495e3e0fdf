"""A real redis-server on a free port, which a test may freeze, kill and start again."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.in_ci import lacking
from tests.needs import REDIS_SERVER

START_S = 10.0
"""Longest wait for a server to answer."""


class RedisServer:
    """One server; what it holds is gone when it ends.

    Args:
        folder: Its working directory.
        options: Of its command line.
        certificate: PEM file with certificate and key, by which it speaks TLS and nothing else.
    """

    def __init__(self, folder: Path, *options: str, certificate: Path | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._folder = folder
        self._options = options
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis{'s' if self._certificate else ''}://127.0.0.1:{self.port}/0"

    def client(self, password: str | None = None) -> redis.Redis:
        return redis.Redis(port=self.port, password=password)

    def start(self) -> None:
        port = ["--port", str(self.port)]
        if self._certificate is not None:
            pair = ["--tls-cert-file", str(self._certificate), "--tls-key-file", str(self._certificate)]
            port = ["--port", "0", "--tls-port", str(self.port), *pair, "--tls-auth-clients", "no"]
        command = ["redis-server", *port, "--bind", "127.0.0.1", "--save", "", *self._options]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise TimeoutError("redis-server did not start")

    def freeze(self) -> None:
        """Keep it from answering, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_S)
            self._process = None


@contextmanager
def redis_server(folder: Path, *options: str, certificate: Path | None = None) -> Iterator[RedisServer]:
    """Run a server until the block ends.

    Args:
        folder: Its working directory.
        options: Of its command line.
        certificate: As of `RedisServer`.
    """
    if not REDIS_SERVER.is_met:
        lacking(REDIS_SERVER.lack)
    server = RedisServer(folder, *options, certificate=certificate)
    server.start()
    try:
        yield server
    finally:
        server.kill()
