"""A machine as docs/single-machine.md describes it: real nginx in front of two real servers, on free ports."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.control_plane.processes import free_port
from tests.in_ci import lacking
from tests.needs import CURL, NGINX
from tests.serving.test_certificates import write_pair

from .files import PORTS, nginx_conf, unit_command

WAIT_S = 120.0
START_S = 300.0
"""Longest start of a server, beside a load that takes all of the machine."""
BODY = {"query": "remove an empty folder", "candidates": ["stock prices fell", "Delete directories that are empty"]}
LOAD_THREADS = 2
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""What nginx keeps temporary files of, by default in folders of its own user."""


class Server:
    """One server, started and awaited by the commands of the systemd unit.

    Args:
        port: Of the API.
        management_port: Of the management listener.
        flags: Settings that differ from the files', by environment variable.
    """

    def __init__(self, port: int, management_port: int, flags: Mapping[str, str]) -> None:
        own = {"BGE_RERANKER_PORT": str(port), "BGE_RERANKER_MANAGEMENT_PORT": str(management_port), **flags}
        self.environment = os.environ | own
        self.management_url = f"http://127.0.0.1:{management_port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it can rank."""
        self.spawn()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it can rank."""
        assert self.process is not None
        environment = {**self.environment, "MAINPID": str(self.process.pid)}
        subprocess.run(unit_command("ExecStartPost", environment), env=environment, check=True, timeout=START_S)

    def spawn(self) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            unit_command("ExecStart", self.environment),
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait for its end; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def restart(self) -> None:
        """As `systemctl restart`: stopped gracefully, started, awaited."""
        assert self.stop() == 0
        self.start()

    def metric(self, name: str, prefix: str = "bge_reranker_") -> float:
        """A sample of /metrics without labels."""
        text = httpx.get(f"{self.management_url}/metrics", timeout=WAIT_S).text
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{prefix}{name} ")))


@dataclass
class Load:
    """What callers saw while it ran."""

    answers: Counter[str] = field(default_factory=Counter)
    """By status and first document, or by what went wrong instead."""
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def lost(self) -> dict[str, int]:
        """Whatever was not the right answer."""
        return {seen: number for seen, number in self.answers.items() if seen != f"200 {BODY['candidates'][1]}"}

    def wait_for(self, further: int) -> None:
        """Wait until so many further requests have been answered."""
        wanted, tick = self.answers.total() + further, threading.Event()
        assert any(self.answers.total() >= wanted or tick.wait(0.01) for _ in range(int(WAIT_S * 100)))

    def run(self, machine: Machine) -> None:
        """Ask one question after the other, each on a connection of its own, until it is over."""
        while not self._over.is_set():
            try:
                answer = httpx.post(machine.url + "/rerank", json=BODY, timeout=WAIT_S, verify=machine.trust)
                first = answer.json()["ranked_candidates"][0] if answer.status_code == httpx.codes.OK else answer.text
                seen = f"{answer.status_code} {first}"
            except httpx.HTTPError as error:
                seen = repr(error)
            self.answers[seen] += 1

    def stop(self) -> None:
        self._over.set()


@dataclass
class Machine:
    """nginx and its servers."""

    url: str
    trust: ssl.SSLContext
    servers: list[Server]
    folder: Path
    nginx: subprocess.Popen[bytes]

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        return url.host, url.port or 0

    def post(self, body: object = BODY, **options: object) -> httpx.Response:
        return httpx.post(self.url + "/rerank", json=body, timeout=WAIT_S, verify=self.trust, **options)  # type: ignore[arg-type] # httpx's own keywords

    def reload(self) -> None:
        """As `systemctl reload nginx`: new workers take over, the former ones finish and end."""
        before = self._workers()
        self.nginx.send_signal(signal.SIGHUP)
        tick = threading.Event()
        assert any(not before & self._workers() or tick.wait(0.05) for _ in range(int(WAIT_S * 20)))

    def _workers(self) -> set[str]:
        children = Path(f"/proc/{self.nginx.pid}/task/{self.nginx.pid}/children")
        return set(children.read_text(encoding="utf-8").split())

    @contextmanager
    def loaded(self) -> Iterator[Load]:
        """Load it until the block ends."""
        load = Load()
        threads = [threading.Thread(target=load.run, args=(self,)) for _ in range(LOAD_THREADS)]
        for thread in threads:
            thread.start()
        try:
            load.wait_for(20)
            yield load
        finally:
            load.stop()
            for thread in threads:
                thread.join(WAIT_S)


@contextmanager
def single_machine(
    folder: Path,
    flags: Mapping[str, str] | None = None,
    replaced: Mapping[str, str] | None = None,
    *,
    are_started: bool = True,
) -> Iterator[Machine]:
    """Run nginx and two servers until the block ends.

    Args:
        folder: For certificates, logs and temporary files.
        flags: Settings of the servers that differ from the files', by environment variable.
        replaced: Texts of nginx.conf and what stands in their place.
        are_started: Whether there are servers behind nginx.
    """
    for need in (NGINX, CURL):
        if not need.is_met:
            lacking(need.lack)
    ports = {port: free_port() for port in ("443", *PORTS)}
    servers = [Server(ports[port], free_port(), {"BGE_RERANKER_THREADS": "1", **(flags or {})}) for port in PORTS]
    write_pair(folder, "127.0.0.1")
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in _TEMPORARY)
    # All requests of a test come from one address.
    changed = {"rate=100r/s": "rate=100000r/s", "server_tokens off;": paths, **(replaced or {})}
    try:
        for server in servers if are_started else ():
            server.spawn()
        for server in servers if are_started else ():
            server.wait_until_ready()
        with _nginx(folder, nginx_conf(folder, ports, changed), ports["443"]) as process:
            yield Machine(f"https://127.0.0.1:{ports['443']}", _trust(folder), servers, folder, process)
    finally:
        for server in servers:
            if server.process is not None:
                server.process.kill()
                server.process.wait(WAIT_S)


@contextmanager
def _nginx(folder: Path, conf: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    file = folder / "nginx.conf"
    # Workers that were started by root are somebody else, who may not enter the folders of tests.
    file.write_text(f"daemon off;\nuser {'root' if os.geteuid() == 0 else 'nobody'};\n{conf}", encoding="utf-8")
    command = [shutil.which("nginx") or "nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_open(port)
            yield process
        finally:
            process.terminate()
            process.wait(WAIT_S)


def _wait_until_open(port: int) -> None:
    until = time.monotonic() + WAIT_S
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=WAIT_S)
        except httpx.ConnectError:
            assert time.monotonic() < until, "nginx does not listen"
        else:
            return


def _trust(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "tls.crt")
    # The certificate of the test has a name and no address.
    context.check_hostname = False
    return context
