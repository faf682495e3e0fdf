"""Imitates dcgm-exporter: what a GPU would show while a scorer computes, from the scorer's own seconds of batches.

In a pod, `python dcgm_exporter.py` serves it on port 9400 for all scorers of its namespace, with the labels that the
exporter itself gives. It imports Python's own library alone, so that any image with Python runs it.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORT = 9400
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod finds how to ask the API server."""

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


def gpus_of(pods: list[dict[str, Any]], read: Callable[[str], str], shares: BusyShare) -> Iterable[Gpu]:
    """A GPU for each running scorer.

    Args:
        pods: As the API server lists them.
        read: What an address says.
        shares: What is remembered of each.
    """
    for index, pod in enumerate(pods):
        name, address = pod["metadata"]["name"], pod["status"].get("podIP", "")
        metrics = read(f"http://{address}:8001/metrics") if address else ""
        if "bge_reranker_batch_seconds_sum" in metrics:
            yield Gpu(index, pod["metadata"]["namespace"], name, shares.of(name, metrics))


def scorers() -> list[dict[str, Any]]:
    """Pods of scorers in the namespace of this one, by the API server."""
    token, namespace = (Path(ACCOUNT, name).read_text(encoding="utf-8") for name in ("token", "namespace"))
    address = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    selector = "labelSelector=app.kubernetes.io/component%3Dscorer"
    request = urllib.request.Request(f"{address}/api/v1/namespaces/{namespace}/pods?{selector}")
    request.add_header("Authorization", f"Bearer {token}")
    trust = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
    with urllib.request.urlopen(request, timeout=5, context=trust) as answer:
        found: list[dict[str, Any]] = json.load(answer)["items"]
        return found


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

        def log_message(self, *_: object) -> None:  # type: ignore[explicit-override] # typing has it since Python 3.12
            pass

    return ThreadingHTTPServer((host, port), Handler)


if __name__ == "__main__":
    seen = BusyShare(time.monotonic)
    serve(lambda: exposition(gpus_of(scorers(), fetched, seen))).serve_forever()
