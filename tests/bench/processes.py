"""The programs that a benchmark starts, one at a time, so that they never share the processor."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

_START_S = 180.0
_STOP_S = 120.0


@dataclass
class BenchServer:
    """A running server; its loop's report is there once it has ended."""

    url: str
    process: psutil.Process
    report: dict[str, Any] = field(default_factory=dict)

    def resident_mib(self) -> float:
        """Memory of the process now."""
        return float(self.process.memory_info().rss) / 2**20

    def cpu_s(self) -> float:
        """CPU time of the process so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


def run_bare_loop(folder: Path, seconds: float, batch_tokens: int) -> dict[str, float]:
    """Tokens per second, and per second of CPU time, of the scorer alone.

    Args:
        folder: The checkpoint.
        seconds: How long.
        batch_tokens: Largest batch.
    """
    command = [sys.executable, "-m", "tests.bench.bare_loop", str(folder), str(seconds), str(batch_tokens)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    speed: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return speed


@contextmanager
def bench_server(model: str, **flags: Any) -> Iterator[BenchServer]:
    """Serve a model on free ports until the block ends.

    Args:
        model: `demo` or a folder.
        flags: Further settings by field name.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        settings = {
            "model": model,
            "port": 0,
            "management_port": 0,
            "drain_delay_s": 0,
            "log_level": "warning",
            **flags,
        }
        arguments = [f"{name}={value}" for name, value in settings.items()]
        command = [sys.executable, "-m", "tests.bench.measured_server", str(report), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            server = BenchServer(address_of(process), psutil.Process(process.pid))
            try:
                yield server
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(_STOP_S)
            server.report |= json.loads(report.read_text(encoding="utf-8"))


def address_of(process: subprocess.Popen[str]) -> str:
    """Read the greeting up to the line that names the address."""
    if process.stdout is None:
        raise RuntimeError("the server's output is not read; this is a bug")
    for line in process.stdout:
        if line.startswith("Ready:"):
            return line.split()[-1]
    raise RuntimeError("the server ended before it was ready")


@contextmanager
def started(*arguments: str) -> Iterator[BenchServer]:
    """A Python process that says where it listens, until the block ends.

    Args:
        arguments: Of the interpreter.
    """
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield BenchServer(address_of(process), psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(_STOP_S)
