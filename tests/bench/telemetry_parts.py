"""The CPU time of telemetry's own work for one request, part by part, in a process that does nothing else.

Beside a model, whose threads wait for each other in a loop, a percent of CPU time is lost in the noise; here it is not.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import structlog
from starlette.datastructures import Headers

from bge_reranker.engine.trail import BatchShare, Trail
from bge_reranker.observe.exposition import Exposition
from bge_reranker.observe.logs import configure_logs
from bge_reranker.observe.metrics import Metrics
from bge_reranker.observe.otlp import OtlpTracing, create_exporter
from bge_reranker.observe.start import create_metrics
from bge_reranker.observe.tracing import Traced
from bge_reranker.ranking.ranking import Ranking, Timing
from bge_reranker.settings import ObserveSettings

from .processes import started

_REQUESTS: Final = 512
"""Requests of one measurement; their spans fit into the queue."""

_MEASUREMENTS: Final = 9
_RENDERINGS: Final = 8
_RATIO: Final = 0.1
_TOKENS: Final = 40


@dataclass(frozen=True, slots=True)
class Parts:
    """Microseconds of CPU time for each request, the smallest of several measurements."""

    spans: float
    """Beginning its trace, making, encoding and sending its spans, all over gRPC."""

    spans_of_a_tenth: float
    """The same where one request of ten is sampled."""

    line: float
    """Its line in the log."""

    exemplars: float
    """What its metrics take longer with a trace's name."""

    rendering: float
    """Not of a request but of a scrape: the text of all metrics, under both names."""

    def of(self, request_us: float) -> str:
        """Say how large each is.

        Args:
            request_us: CPU time of a whole request without telemetry.
        """
        total = self.spans + self.line + self.exemplars
        parts = {"spans": self.spans, "line": self.line, "exemplars": self.exemplars}
        shown = ", ".join(f"{name} {microseconds:.0f} us" for name, microseconds in parts.items())
        tenth = self.spans_of_a_tenth + self.line + self.exemplars * _RATIO
        return (
            f"{total / request_us:.2%} ({shown}); {tenth / request_us:.2%} with one of ten traced. "
            f"A scrape: {self.rendering / 1000:.1f} ms"
        )


def measure_parts(documents: int) -> Parts:
    """Measure each.

    Args:
        documents: Of a request.
    """
    ranking = _ranking(documents)
    plain, with_exemplar = (_metrics_us(ranking, exemplar) for exemplar in (None, {"trace_id": "0" * 32}))
    return Parts(
        spans=_spans_us(ranking, 1.0),
        spans_of_a_tenth=_spans_us(ranking, _RATIO),
        line=_line_us(),
        exemplars=max(0.0, with_exemplar - plain),
        rendering=_rendering_us(),
    )


def _ranking(documents: int) -> Ranking:
    now = time.monotonic()
    batches = tuple(BatchShare(now + number / 100, 0.01, 320, 8, 8) for number in range(2))
    return Ranking(
        np.zeros(documents, np.float32),
        {},
        np.full(documents, _TOKENS, np.int32),
        np.zeros(documents, np.bool_),
        Timing(0.001, 0.01, 0.02, now, Trail(now, batches, now + 0.1)),
    )


def _spans_us(ranking: Ranking, ratio: float) -> float:
    documents = len(ranking.logits)
    with started("-m", "tests.bench.otlp_sink") as sink:
        settings = ObserveSettings(otlp_endpoint=sink.url, trace_sample_ratio=ratio, rerank_attributes="both")

        def trace() -> None:
            tracing = OtlpTracing(settings, Metrics(), create_exporter(settings), shutdown_s=60)
            began = time.monotonic()
            for _ in range(_REQUESTS):
                begun = tracing.begin(Headers(), began)
                begun.end(Traced(began + 1, 200, "ok", "/rerank", "0" * 32, "native", "demo", documents, None, ranking))
            tracing.shutdown()

        return _least_us(trace)


def _line_us() -> float:
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        configure_logs(ObserveSettings(log_level="info", log_format="json"), nowhere)
        log = structlog.get_logger("bge_reranker.access")
        told = {"request_id": "0" * 32, "trace_id": "0" * 32, "method": "POST", "path": "/rerank", "status": 200}
        more = {"code": "ok", "dialect": "native", "documents": 16, "tokens": 640, "ms": 51.2, "skipped": 0}

        def write() -> None:
            for _ in range(_REQUESTS):
                log.info("request", **told, **more)

        return _least_us(write)


def _metrics_us(ranking: Ranking, exemplar: dict[str, str] | None) -> float:
    metrics = Metrics()

    def count() -> None:
        for _ in range(_REQUESTS):
            metrics.request_ended("native", 200, "ok", 0.05, 16, ranking, exemplar)

    return _least_us(count)


def _rendering_us() -> float:
    metrics = create_metrics(ObserveSettings(tei_metric_names=True))

    def render() -> None:
        # Each of its own: what was rendered a moment ago would only be repeated.
        for _ in range(_RENDERINGS):
            Exposition(metrics.registry).render("application/openmetrics-text")

    return _least_us(render, _RENDERINGS)


def _least_us(work: Callable[[], None], times: int = _REQUESTS) -> float:
    """CPU time of one of so many, of all threads."""
    found = []
    for _ in range(_MEASUREMENTS):
        gc.collect()
        began = time.process_time()
        work()
        found.append((time.process_time() - began) / times * 1e6)
    return min(found)
