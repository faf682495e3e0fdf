"""Whether the backlog in seconds is the time to drain, 30 s after the true rate changed; over HTTP, in real time."""

from __future__ import annotations

import re
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from .processes import started

_RATE = 20_000
"""Tokens a second at first."""

_FACTORS = (0.5, 2.0)
_CLIENTS = 16
_DOCUMENTS = 200
_WORDS = 80
"""More than the scorer's longest pair has, so that each document is one of that."""

_BEFORE_S = 15.0
"""Seconds under load before the rate changes."""

KNOWN_WITHIN_S = 30.0
_EXPOSITION_S = 1.0
"""Seconds for which a rendered text is served again."""


def measure_backlog(console: Console) -> list[dict[str, float]]:
    """Change the true rate under load, stop the load 30 s later, and compare the metric with the time to drain.

    Args:
        console: Where the result is shown.
    """
    found = [_measure(factor) for factor in _FACTORS]
    for each in found:
        console.print(
            f"Rate x {each['factor']}: backlog {each['predicted_s']:.2f} s, drained in {each['measured_s']:.2f} s "
            f"({each['predicted_s'] / each['measured_s'] - 1:+.1%})"
        )
    return found


def _measure(factor: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rate = folder / "rate"
        rate.write_text(str(_RATE), encoding="utf-8")
        with started("-m", "tests.bench.paced_server", name) as server:
            load = _Load(server.url)
            time.sleep(_BEFORE_S)
            rate.write_text(str(_RATE * factor), encoding="utf-8")
            time.sleep(KNOWN_WITHIN_S)
            load.stop_sending()
            # What was rendered before the last request came is no longer served then.
            time.sleep(_EXPOSITION_S)
            predicted_s, began = _backlog_s(server.url), time.monotonic()
            load.wait()
            return {"factor": factor, "predicted_s": predicted_s, "measured_s": time.monotonic() - began}


class _Load:
    """Clients that each send the next request when the last is answered."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(_CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop_sending(self) -> None:
        self._is_over.set()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        body: dict[str, Any] = {"query": "good", "candidates": ["good " * _WORDS] * _DOCUMENTS}
        with httpx.Client(base_url=self._url, timeout=600) as client:
            while not self._is_over.is_set():
                client.post("/rerank", json=body).raise_for_status()


def _backlog_s(url: str) -> float:
    found = re.search(r"^bge_reranker_backlog_seconds (\S+)$", httpx.get(f"{url}/metrics").text, re.MULTILINE)
    if found is None:
        raise RuntimeError("/metrics does not tell the backlog; this is a bug")
    return float(found[1])
