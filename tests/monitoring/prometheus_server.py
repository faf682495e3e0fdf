"""Debian's Prometheus on loopback, with a configuration of a test's own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests import needs
from tests.in_ci import lacking

START_LIMIT_S = 30.0


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Series that the expression gives now."""
        return self._asked("query", {"query": expression})

    def query_range(self, expression: str, start: float, end: float, step_s: float) -> list[dict[str, Any]]:
        """Series over a span of time, as a panel shows them."""
        return self._asked("query_range", {"query": expression, "start": start, "end": end, "step": step_s})

    def _asked(self, path: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=dict(parameters), timeout=20).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


def program(name: str) -> str:
    """Path of a program of Prometheus; where it is missing the test is skipped, in the gate it fails."""
    found = shutil.which(name)
    if found is None:
        lacking(needs.PROMETHEUS.lack)
    return found


@contextmanager
def prometheus(folder: Path, jobs: list[dict[str, Any]], rules: Mapping[str, Any]) -> Iterator[Prometheus]:
    """Scrape these jobs every second until the block ends.

    Args:
        folder: Where it keeps its files.
        jobs: Its `scrape_configs`.
        rules: Content of its file of rules.
    """
    binary, port = program("prometheus"), _free_port()
    (folder / "rules.json").write_text(json.dumps(rules), encoding="utf-8")
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.json"],
        "scrape_configs": jobs,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([binary, *options, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        try:
            running = Prometheus(f"http://127.0.0.1:{port}")
            _await_ready(running, process, folder / "log")
            yield running
        finally:
            process.terminate()
            process.wait()


def _await_ready(running: Prometheus, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{running.url}/-/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8")[-2000:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
