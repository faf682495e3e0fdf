"""Imitates dcgm-exporter: what a GPU would show while a scorer computes, from the scorer's own seconds of batches.

`python dcgm_exporter.py PODS.json` serves it on port 9400 for all pods in a list of Prometheus' targets, with the
labels that the exporter itself gives. It imports Python's own library alone, so that any image with Python runs it.
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = 9400
_COMPUTED = re.compile(r"^bge_reranker_batch_seconds_sum (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Gpu:
    """A GPU and the pod that has it.

    Attributes:
        index: Of the node's GPUs.
        busy: Share of time in which it computed, from 0 to 1.
    """

    index: int
    namespace: str
    pod: str
    busy: float


def exposition(gpus: Iterable[Gpu]) -> str:
    """What the exporter prints, in its names and labels."""
    lines = ["# TYPE DCGM_FI_DEV_GPU_UTIL gauge", "# TYPE DCGM_FI_PROF_GR_ENGINE_ACTIVE gauge"]
    for gpu in gpus:
        labels = (
            f'gpu="{gpu.index}",UUID="GPU-{gpu.index}",modelName="imitated",hostname="node",'
            f'container="scorer",namespace="{gpu.namespace}",pod="{gpu.pod}"'
        )
        lines += [
            f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {round(100 * gpu.busy)}",
            f"DCGM_FI_PROF_GR_ENGINE_ACTIVE{{{labels}}} {gpu.busy:.6f}",
        ]
    return "\n".join(lines) + "\n"


class BusyShare:
    """How much of the time since it was last asked a scorer spent on batches.

    Args:
        now: Monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last: dict[str, tuple[float, float]] = {}

    def of(self, pod: str, metrics: str) -> float:
        """From what a scorer's /metrics says."""
        found = _COMPUTED.search(metrics)
        if found is None:
            return 0.0
        at_s, computed_s = self._now(), float(found[1])
        before = self._last.get(pod)
        self._last[pod] = (at_s, computed_s)
        if before is None or at_s <= before[0]:
            return 0.0
        return min(1.0, max(0.0, (computed_s - before[1]) / (at_s - before[0])))


def gpus_of(targets: list[dict[str, object]], read: Callable[[str], str], shares: BusyShare) -> Iterable[Gpu]:
    """A GPU for each scorer in the list."""
    for index, target in enumerate(targets):
        labels, (address, *_) = target["labels"], target["targets"]  # type: ignore[misc] # as Prometheus has it
        metrics = read(f"http://{address}/metrics")
        if "bge_reranker_batch_seconds_sum" in metrics:
            yield Gpu(index, labels["namespace"], labels["pod"], shares.of(labels["pod"], metrics))  # type: ignore[index]


def fetched(url: str) -> str:
    """What an address says; nothing where there is nobody."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def serve(text: Callable[[], str], port: int = PORT, host: str = "") -> ThreadingHTTPServer:
    """A server that answers every request with this text; 0 takes a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return ThreadingHTTPServer((host, port), Handler)


if __name__ == "__main__":
    path, shares = Path(sys.argv[1]), BusyShare(time.monotonic)
    serve(lambda: exposition(gpus_of(json.loads(path.read_text(encoding="utf-8")), fetched, shares))).serve_forever()
