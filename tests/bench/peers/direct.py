"""A contestant that is called directly, in a process and an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import psutil

from .cell import Cell
from .workload import Workload

ROOT = Path(__file__).resolve().parents[3]

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "TOKENIZERS_PARALLELISM": "false",
    "DO_NOT_TRACK": "1",
    # OpenVINO reports every import unless it believes to be in a CI job.
    "CI": "true",
    "INFINITY_ANONYMOUS_USAGE_STATS": "0",
}
"""No hub, no GPU, no telemetry."""


class DirectContestant:
    """Speaks the line protocol of `drivers.driving` with a peer.

    Args:
        python: The environment's interpreter.
        driver: Module under `drivers`.
        folder: The checkpoint, as the peer's tokenizer wants it.
        workload: What it is given.
        scratch: An empty folder.
        kept: Folder for what the driver converts, kept for the next run.
    """

    def __init__(self, python: Path, driver: str, folder: Path, workload: Workload, scratch: Path, kept: Path) -> None:
        requests = scratch / "requests.json"
        requests.write_text(json.dumps(workload.requests), encoding="utf-8")
        self._tokens = workload.tokens
        self._process = subprocess.Popen(
            [python, "-W", "ignore", "-m", f"tests.bench.peers.drivers.{driver}", folder, requests, kept],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **OFFLINE},
        )
        self.start_s = float(self._answer()["start_s"])

    def logits(self) -> list[float]:
        """Logits of the first request, in the order of its documents."""
        return list(self._ask("check")["logits"])

    def run(self, clients: int, seconds: float) -> Cell:
        """Score for some seconds; `clients` is 0, since nobody waits in a line."""
        answer = self._ask(f"run {seconds}")
        tokens = sum(self._tokens[number] for number in answer["requests"])
        return Cell(clients, tokens, answer["seconds"], [], 0.0)

    def resident_mib(self) -> float:
        """Memory of the process now."""
        return float(psutil.Process(self._process.pid).memory_info().rss) / 2**20

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _ask(self, line: str) -> dict[str, Any]:
        if self._process.stdin is None:
            raise RuntimeError("the peer's input is not written; this is a bug")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise RuntimeError("the peer's output is not read; this is a bug")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended with {self._process.wait()}; its words are above")
        answer: dict[str, Any] = json.loads(line)
        return answer
