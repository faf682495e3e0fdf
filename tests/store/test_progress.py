"""How far a fetch is, as people and programs see it: real processes, a real terminal, a hub that takes its time."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from bge_reranker.cli.model.fetch_progress import shown_progress
from bge_reranker.cli.model.fetch_server import FetchReport
from bge_reranker.errors import DiskFull, HubUnreachable
from bge_reranker.store.progress import Meter
from bge_reranker.store.sources.registry import require_source

from .models import model_files
from .servers.hub import FakeHub, running_hub
from .test_commands import PROGRAM

WEIGHTS_BYTES = 8_000_000
LEFT = re.compile(r"fetching.*?([\d.]+)/8\.\d MB ([\d.]+) (bytes|kB|MB)/s, (\d+:\d\d:\d\d) left")
"""What the bar says while bytes come: so many of all, at what rate, for how long."""


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub that gives every piece after a moment."""
    with running_hub() as running:
        running.add("org/name", model_files(WEIGHTS_BYTES))
        running.server.faults.bytes_per_piece, running.server.faults.pause_s = 32_768, 0.02
        yield running


def environment(hub: FakeHub) -> dict[str, str]:
    return {"PATH": "/usr/bin", "HOME": "/nonexistent", "TERM": "xterm", "COLUMNS": "140", **hub.environment}


@contextmanager
def on_a_terminal(command: list[str], environment: dict[str, str]) -> Iterator[Iterator[str]]:
    """Run a command whose standard error is a terminal; yields what is drawn there, as it comes."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, env=environment, stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        try:
            yield _drawn(ours)
        finally:
            process.wait(60)
            os.close(ours)
    assert process.returncode == 0


def _drawn(descriptor: int) -> Iterator[str]:
    # A terminal whose other side is gone says so by an error.
    with suppress(OSError):
        while data := os.read(descriptor, 4_096):
            yield re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(errors="replace"))


def test_a_terminal_shows_a_bar_with_bytes_rate_and_remaining_time(hub: FakeHub, tmp_path: Path) -> None:
    command = [PROGRAM, "model", "fetch", "hf://org/name", "--dir", str(tmp_path)]
    with on_a_terminal(command, environment(hub)) as drawn:
        text = "".join(drawn)
    seen = LEFT.findall(text)
    assert seen, text
    assert len({done for done, *_ in seen}) > 1
    assert all(float(rate) > 0 for _, rate, *_ in seen)
    assert "was fetched: digest" in text.splitlines()[-1]


def test_a_pod_says_in_log_file_and_metrics_how_far_it_is(hub: FakeHub, tmp_path: Path) -> None:
    file, held_back = tmp_path / "progress", hub.server.faults
    held_back.gate.clear()
    options = ("--log-format", "json", "--progress-file", str(file), "--metrics-port", "0")
    command = [PROGRAM, "model", "fetch", "hf://org/name", "--dir", str(tmp_path / "store"), *options]
    with subprocess.Popen(command, env=environment(hub), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            lines = (json.loads(line) for line in process.stderr if line.startswith("{"))
            port = next(line["port"] for line in lines if line["event"] == "fetch_metrics")
            logged = next(line for line in lines if line["event"] == "fetch_progress" and line["step"] == "fetching")
            written = json.loads(file.read_text())
            gauges = metrics("127.0.0.1", port)
            (info,) = httpx.get(f"http://127.0.0.1:{port}/info", timeout=60).json().items()
            of_the_other_family = metrics("[::1]", port) if socket.has_dualstack_ipv6() else gauges
        finally:
            held_back.gate.set()
        (after,) = [line for line in process.stderr if "was fetched" in line]
    assert process.returncode == 0, after
    total = logged["total_bytes"]
    assert total > WEIGHTS_BYTES
    for seen in (logged, written):
        assert {"step", "done_bytes", "total_bytes", "bytes_per_second", "eta_s"} <= set(seen)
        assert (seen["step"], seen["total_bytes"]) == ("fetching", total)
        # Some pieces came before the gate was closed to them; the rest cannot.
        assert seen["done_bytes"] < total
    assert gauges["bge_reranker_fetch_total_bytes"] == total
    assert gauges["bge_reranker_fetch_done_bytes"] < total
    assert gauges['bge_reranker_errors_total{code="HubUnreachable"}'] == 0
    assert of_the_other_family.keys() == gauges.keys()
    assert info[0] == "fetch"
    said = {key: info[1][key] for key in ("source", "revision", "step", "bytes_total")}
    assert said == {"source": "hf://org/name", "revision": None, "step": "fetching", "bytes_total": total}
    assert 0 <= info[1]["percent"] < 100
    assert {"bytes_done", "bytes_per_second", "remaining_s"} <= info[1].keys()
    last = json.loads(file.read_text())
    assert last["done_bytes"] == last["total_bytes"]
    # The scorer is next on this port, a moment after somebody has asked.
    socket.create_server(("127.0.0.1", port)).close()


def metrics(host: str, port: int) -> dict[str, float]:
    text = httpx.get(f"http://{host}:{port}/metrics", timeout=60).text
    rows = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


def test_metrics_count_the_error_that_ends_a_fetch_by_its_code() -> None:
    report = FetchReport(require_source("demo", None), Meter())
    error = DiskFull("There is no room.", figures={"path": "/models"})
    with capture_logs() as logged, pytest.raises(DiskFull), shown_progress(report, None, 0):
        raise error
    listening, failed = logged[0], logged[-1]
    counted = metrics("127.0.0.1", listening["port"])
    assert (failed["code"], failed["message"], failed["path"]) == ("DiskFull", error.message, "/models")
    assert counted['bge_reranker_errors_total{code="DiskFull"}'] == 1
    assert counted[f'bge_reranker_errors_total{{code="{HubUnreachable.__name__}"}}'] == 0


def test_an_unwritable_progress_file_ends_no_fetch(hub: FakeHub, tmp_path: Path) -> None:
    hub.server.faults.pause_s = 0.0
    options = ("--dir", str(tmp_path), "--progress-file", "/proc/nothing/progress")
    command = [PROGRAM, "model", "fetch", "hf://org/name", *options]
    assert subprocess.run(command, env=environment(hub), capture_output=True, check=False).returncode == 0
