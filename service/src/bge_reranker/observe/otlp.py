"""Traces by OTLP: OpenTelemetry's SDK and exporters, imported only where the settings name a receiver.

A request's spans are made when it has been answered, from times that are taken anyway. A receiver that is slow or dead
costs the spans and nothing else: they wait in a bounded queue, of which a thread of the SDK sends.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import override

from ..settings import ObserveSettings
from .metrics import Metrics
from .rerank_attributes import Attributes, rerank_attributes
from .tracing import RequestTrace, Traced

MAX_QUEUED_SPANS: Final = 4_096
"""Most spans that wait to be sent, some MB; further ones are dropped and counted."""

_MAX_SENT_SPANS: Final = 512
_SEND_EVERY_MS: Final = 1_000
_SEND_TIMEOUT_S: Final = 5.0
"""Seconds within which a receiver must have taken what it is sent, repetitions included."""

_SERVER_ERROR: Final = 500
_HTTP_PATH: Final = "/v1/traces"
_NS: Final = 1_000_000_000

_log = structlog.get_logger("bge_reranker.tracing")


def create_exporter(settings: ObserveSettings) -> SpanExporter:
    """OpenTelemetry's exporter for the receiver and the protocol of the settings."""
    # Each brings a library of its own, of which one is enough.
    endpoint = settings.otlp_endpoint or ""
    if settings.otlp_protocol == "http":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - see above
            OTLPSpanExporter as HttpExporter,
        )

        return HttpExporter(endpoint + _HTTP_PATH, timeout=_SEND_TIMEOUT_S)
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - see above
        OTLPSpanExporter as GrpcExporter,
    )

    return GrpcExporter(endpoint, timeout=_SEND_TIMEOUT_S)


class OtlpTracing:
    """Records requests and sends them to a receiver.

    Args:
        settings: Sampling, and the names of attributes.
        metrics: Where spans are counted.
        exporter: Sends them.
        shutdown_s: Seconds within which what is left must have been sent when the process ends; the SDK itself would
            wait for half a minute.
        wall_clock_ns: Nanoseconds since 1970.
    """

    def __init__(
        self,
        settings: ObserveSettings,
        metrics: Metrics,
        exporter: SpanExporter,
        *,
        shutdown_s: float = 3.0,
        wall_clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        # What fails is said once by `_Watched`, not every time by each library.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._settings = settings
        self._shutdown_s = shutdown_s
        self._wall_clock_ns = wall_clock_ns
        # The SDK asks the environment for a sampler, and the like, only where it is not told one.
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio)),
            resource=_resource(),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(_BoundedProcessor(_Watched(exporter, metrics), metrics))
        self._tracer = self._provider.get_tracer("bge_reranker", version("bge-reranker"))
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, headers: Mapping[str, str], began: float) -> RequestTrace:
        """Begin the span of a request, as a child of its caller's where there is one."""
        clock_offset_ns = self._wall_clock_ns() - int(time.monotonic() * _NS)
        context = self._propagator.extract(headers)
        span = self._tracer.start_span(
            "rerank request", context, SpanKind.SERVER, start_time=int(began * _NS) + clock_offset_ns
        )
        return _Recorded(self._tracer, span, clock_offset_ns, self._settings)

    def shutdown(self) -> None:
        """Send what is left, for seconds at most."""
        thread = threading.Thread(target=self._provider.shutdown, name="tracing-shutdown", daemon=True)
        thread.start()
        thread.join(self._shutdown_s)


class _Recorded:
    """The trace of one request.

    Args:
        tracer: Makes its spans.
        span: The request's own.
        clock_offset_ns: From monotonic time to that of the world, as it was when the request came: a clock that is set
            meanwhile changes no span's length.
        settings: Names of attributes.
    """

    def __init__(self, tracer: trace.Tracer, span: trace.Span, clock_offset_ns: int, settings: ObserveSettings) -> None:
        context = span.get_span_context()
        self._tracer = tracer
        self._span = span
        self._clock_offset_ns = clock_offset_ns
        self._settings = settings
        self.trace_id = trace.format_trace_id(context.trace_id)
        span_id = trace.format_span_id(context.span_id)
        self.exemplar = {"trace_id": self.trace_id, "span_id": span_id} if span.is_recording() else None
        self.headers = {"traceresponse": f"00-{self.trace_id}-{span_id}-{int(context.trace_flags) & 1:02x}"}

    def end(self, traced: Traced) -> None:
        """Make the spans of the request and of its parts, where it is recorded."""
        span = self._span
        if not span.is_recording():
            return
        if traced.ranking is not None:
            self._add_rerank(traced)
        if traced.route:
            span.update_name(f"POST {traced.route}")
        span.set_attributes(_request_attributes(traced))
        if traced.status >= _SERVER_ERROR or not traced.status:
            span.set_status(Status(StatusCode.ERROR, traced.code))
        span.end(self._at(traced.ended))

    def _add_rerank(self, traced: Traced) -> None:
        assert traced.ranking is not None  # noqa: S101 - the caller has looked; tells mypy so
        timing, trail = traced.ranking.timing, traced.ranking.timing.trail
        began_s, tokenised_s = timing.began, timing.began + timing.tokenise_s
        if not began_s:
            # A ranking of nothing has been nowhere.
            return
        attributes = rerank_attributes(traced, self._settings)
        parent = trace.set_span_in_context(self._span)
        rerank = self._tracer.start_span("rerank", parent, attributes=attributes, start_time=self._at(began_s))
        inside = trace.set_span_in_context(rerank, parent)
        self._add("tokenise", inside, began_s, tokenised_s)
        ended_s = trail.ended if trail.ended is not None else tokenised_s
        if trail.batches:
            self._add("queue", inside, trail.submitted, trail.batches[0].began)
            compute_attributes: Attributes = {"bge_reranker.share_seconds": timing.compute_s}
            compute = self._tracer.start_span(
                "compute", inside, attributes=compute_attributes, start_time=self._at(trail.batches[0].began)
            )
            inside_compute = trace.set_span_in_context(compute, inside)
            for batch in trail.batches:
                of_batch: Attributes = {
                    "bge_reranker.batch.tokens": batch.tokens,
                    "bge_reranker.batch.pairs": batch.pairs,
                    "bge_reranker.batch.own_pairs": batch.own_pairs,
                }
                self._add("batch", inside_compute, batch.began, batch.began + batch.compute_s, of_batch)
            compute.end(self._at(ended_s))
        rerank.end(self._at(ended_s))

    def _add(
        self, name: str, context: Context, began: float, ended: float, attributes: Attributes | None = None
    ) -> None:
        span = self._tracer.start_span(name, context, attributes=attributes, start_time=self._at(began))
        span.end(self._at(ended))

    def _at(self, monotonic_s: float) -> int:
        return int(monotonic_s * _NS) + self._clock_offset_ns


class _Watched(SpanExporter):
    """An exporter whose deliveries are counted, and whose failures are said once until it works again."""

    def __init__(self, exporter: SpanExporter, metrics: Metrics) -> None:
        self._exporter = exporter
        self._delivered = metrics.spans.labels("delivered")
        self._failed = metrics.spans.labels("failed")
        self._is_failing = False
        self.taken = 0
        """Spans that have left the queue."""

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - whatever a library raises, it costs these spans only
            result = SpanExportResult.FAILURE
            _log.debug("export_broke", exception=type(error).__name__)
        if result is SpanExportResult.SUCCESS:
            self._delivered.inc(len(spans))
            if self._is_failing:
                _log.info("traces_delivered_again")
        else:
            self._failed.inc(len(spans))
            if not self._is_failing:
                _log.warning("traces_not_delivered", remedy="Look whether observe.otlpEndpoint answers.")
        self._is_failing = result is not SpanExportResult.SUCCESS
        return result

    @override
    def shutdown(self) -> None:
        self._exporter.shutdown()


class _BoundedProcessor(SpanProcessor):
    """The SDK's queue and thread, behind a bound at which spans are dropped and counted.

    The SDK's own bound logs a line for every span that it drops, on the thread of the request.
    """

    def __init__(self, exporter: _Watched, metrics: Metrics) -> None:
        self._exporter = exporter
        self._dropped = metrics.spans.labels("dropped")
        self._put_in = 0
        self._batches = BatchSpanProcessor(
            exporter,
            max_queue_size=MAX_QUEUED_SPANS,
            schedule_delay_millis=_SEND_EVERY_MS,
            max_export_batch_size=_MAX_SENT_SPANS,
        )

    @override
    def on_end(self, span: ReadableSpan) -> None:
        # Spans end on the event loop only, so that no lock is needed: what leaves meanwhile makes room, never less.
        if self._put_in - self._exporter.taken >= MAX_QUEUED_SPANS:
            self._dropped.inc()
            return
        self._put_in += 1
        self._batches.on_end(span)

    @override
    def shutdown(self) -> None:
        self._batches.shutdown()

    @override
    def force_flush(self, timeout_millis: int | None = None) -> bool:
        return self._batches.force_flush(timeout_millis)


def _request_attributes(traced: Traced) -> Attributes:
    attributes: Attributes = {
        "http.request.method": "POST",
        "http.response.status_code": traced.status,
        "bge_reranker.request_id": traced.request_id,
        "bge_reranker.dialect": traced.dialect,
    }
    if traced.route:
        attributes["http.route"] = traced.route
    if traced.code != "ok":
        attributes["error.type"] = traced.code
    return attributes


def _resource() -> Resource:
    """Which program and which pod; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say otherwise or more."""
    ours = Resource(
        {
            SERVICE_NAME: "bge-reranker",
            SERVICE_VERSION: version("bge-reranker"),
            SERVICE_INSTANCE_ID: socket.gethostname(),
        }
    )
    theirs = Resource.create()
    is_named = not str(theirs.attributes[SERVICE_NAME]).startswith("unknown_service")
    return theirs.merge(ours).merge(theirs) if is_named else theirs.merge(ours)
