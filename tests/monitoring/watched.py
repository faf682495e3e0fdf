"""A scorer with the embedded model, an operator's metrics and an imitated GPU, all scraped by a real Prometheus."""

from __future__ import annotations

import concurrent.futures
import itertools
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry, generate_latest

from bge_reranker.observe.gpu import GpuMetrics
from generate.monitoring.rules import Objectives, rules_of
from reranker_operator.metrics import Metrics as OperatorMetrics
from reranker_operator.metrics import Said
from tests.control_plane.processes import free_port
from tests.live.redis_server import redis_server
from tests.observe.test_gpu import FakeNvml

from . import dcgm_exporter
from .prometheus_server import Prometheus, prometheus

NAMESPACE, RELEASE = "search", "demo"
OWN = f'namespace="{NAMESPACE}",reranker="{RELEASE}"'
PODS = ("demo-plain", "demo-renamed")
"""One scorer as two pods: dcgm-exporter's labels are kept for the first, and renamed for the second."""
SHADOW_HOST = "127.0.0.2"

_TURNS = itertools.count()


@dataclass(frozen=True)
class Watched:
    """What runs, and what looks at it."""

    url: str
    prometheus: Prometheus

    def rank(self, documents: int) -> int:
        """One request; its status."""
        # Of another query nothing is known, so that every request is work.
        text = "a document about the load of servers " * 8
        body = {"query": f"scaling {next(_TURNS)}", "candidates": [text + str(each) for each in range(documents)]}
        return httpx.post(f"{self.url}/rerank", json=body, timeout=60).status_code

    def load(self, seconds: float, clients: int, documents: int) -> list[int]:
        """Keep that many clients busy; the statuses that they got."""
        end = time.monotonic() + seconds

        def ask() -> list[int]:
            found = []
            while time.monotonic() < end:
                found.append(self.rank(documents))
            return found

        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            return [status for each in [pool.submit(ask) for _ in range(clients)] for status in each.result()]


@contextmanager
def watched(folder: Path, *, max_queue_tokens: int = 100_000) -> Iterator[Watched]:
    """Start all of it, and stop it when the block ends."""
    with (
        redis_server(folder) as redis,
        _scorer(folder, max_queue_tokens, redis.port) as (api, management),
        _shadow(folder, api, management),
        _served_operator() as operator,
        _gpus(management) as gpus,
        _serving(dcgm_exporter.serve(_nvml, 0, "127.0.0.1")) as nvml,
    ):
        rules = rules_of(NAMESPACE, RELEASE, Objectives())
        with prometheus(folder, _jobs(management, operator, gpus, nvml), rules) as running:
            yield Watched(f"http://{api}", running)


def _jobs(management: str, operator: str, gpus: str, nvml: str) -> list[dict[str, object]]:
    pods = [
        {"targets": [management], "labels": {"namespace": NAMESPACE, "reranker": RELEASE, "pod": pod}} for pod in PODS
    ]
    exporter = {"namespace": "gpu-operator", "pod": "dcgm-exporter-x"}
    return [
        {"job_name": "scorer", "static_configs": pods},
        # On a node with a GPU the scorer itself has these.
        {"job_name": "nvml", "static_configs": [{**pods[0], "targets": [nvml]}]},
        {"job_name": "operator", "static_configs": [{"targets": [operator], "labels": {"namespace": "bge-reranker"}}]},
        {
            "job_name": "dcgm-plain",
            "honor_labels": True,
            "metric_relabel_configs": [{"source_labels": ["pod"], "regex": PODS[0], "action": "keep"}],
            "static_configs": [{"targets": [gpus], "labels": exporter}],
        },
        {
            "job_name": "dcgm-renamed",
            "metric_relabel_configs": [{"source_labels": ["exported_pod"], "regex": PODS[1], "action": "keep"}],
            "static_configs": [{"targets": [gpus], "labels": exporter}],
        },
    ]


@contextmanager
def _scorer(folder: Path, max_queue_tokens: int, redis_port: int) -> Iterator[tuple[str, str]]:
    """Addresses of its two listeners."""
    # The shadow has the same ones at its own address.
    flags = [
        f"--port={free_port()}",
        f"--management-port={free_port()}",
        f"--max-queue-tokens={max_queue_tokens}",
        "--log-format=json",
    ]
    # By name: what the log has of 127.0.0.1 are the listeners.
    flags += [f"--redis-url=redis://localhost:{redis_port}/0", "--score-cache-bytes=1000000", "--share-scores"]
    flags += [f"--shadow-hosts={SHADOW_HOST}", "--shadow-sample-ratio=1"]
    with _serve(folder / "scorer.log", flags) as process:
        yield _addresses(process, folder / "scorer.log")


@contextmanager
def _shadow(folder: Path, api: str, management: str) -> Iterator[None]:
    """Another version, at the scorer's ports of another address of this machine, once it is fed."""
    port, management_port = (address.rpartition(":")[2] for address in (api, management))
    flags = [f"--host={SHADOW_HOST}", f"--port={port}"]
    flags += [f"--management-host={SHADOW_HOST}", f"--management-port={management_port}", "--max-pair-tokens=128"]
    log = folder / "shadow.log"
    with _serve(log, flags) as process:
        end = time.monotonic() + 60
        while not re.search(
            r"^bge_reranker_shadow_info\{.+\} 1", httpx.get(f"http://{management}/metrics").text, re.MULTILINE
        ):
            assert process.poll() is None, log.read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < end, "the scorer does not see its shadow"
            time.sleep(0.2)
        yield


@contextmanager
def _serve(log: Path, flags: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The program with these flags, until the block ends."""
    program = Path(sys.executable).with_name("bge-reranker")
    with log.open("w", encoding="utf-8") as stream:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen([program, "serve", *flags], stdout=stream, stderr=stream, env=environment)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _addresses(process: subprocess.Popen[bytes], log: Path) -> tuple[str, str]:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        ports = re.findall(r"127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8"))
        addresses = [f"127.0.0.1:{port}" for port in dict.fromkeys(ports)]
        if len(addresses) >= 2 and _is_ready(addresses[1]):
            return addresses[0], addresses[1]
        time.sleep(0.2)
    raise AssertionError(log.read_text(encoding="utf-8")[-2000:])


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/health/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@contextmanager
def _served_operator() -> Iterator[str]:
    """The operator's own metrics, of one Reranker that is as it should be."""
    said = [
        Said(NAMESPACE, RELEASE, kind, "True", reason)
        for kind, reason in (("Ready", "AllReplicasReady"), ("MetricsHealthy", "Read"))
    ]
    metrics = OperatorMetrics(lambda: ["AllReplicasReady"], lambda: said)
    with _serving(dcgm_exporter.serve(lambda: generate_latest(metrics.registry).decode(), 0, "127.0.0.1")) as address:
        yield address


def _nvml() -> str:
    """A GPU as the scorer itself sees it, with NVML played."""
    registry = CollectorRegistry()
    GpuMetrics(FakeNvml(throttled=8), registry, clock=lambda: 0.0)
    return generate_latest(registry).decode()


@contextmanager
def _gpus(management: str) -> Iterator[str]:
    """The exporter; it has both pods' GPUs, and each job takes one of them."""
    shares = dcgm_exporter.BusyShare(time.monotonic)

    def text() -> str:
        busy = shares.of("scorer", dcgm_exporter.fetched(f"http://{management}/metrics"))
        return dcgm_exporter.exposition(
            dcgm_exporter.Gpu(index, NAMESPACE, pod, busy) for index, pod in enumerate(PODS)
        )

    with _serving(dcgm_exporter.serve(text, 0, "127.0.0.1")) as address:
        yield address


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
