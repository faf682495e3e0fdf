"""Traces by OTLP: OpenTelemetry's SDK and exporters, imported only where the settings name a receiver.

A request's spans are made when it has been answered, from times that are taken anyway. A receiver that is slow or dead
costs the spans and nothing else: they wait in a bounded queue, of which a thread of the SDK sends.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import override

from ..settings import ObserveSettings
from .metrics import Metrics
from .request_spans import IDS, NS, REQUEST, Origin, RequestSpan, SpanMaking
from .tracing import TRACEPARENT, TRACESTATE, RequestHeaders, RequestTrace, Traced

MAX_QUEUED_SPANS: Final = 4_096
"""Most spans that wait to be sent, some MB; further ones are dropped and counted."""

_MAX_SENT_REQUESTS: Final = 64
"""Requests whose spans, some hundred, are sent at once."""

_SEND_EVERY_MS: Final = 1_000
_SEND_TIMEOUT_S: Final = 5.0
"""Seconds within which a receiver must have taken what it is sent, repetitions included."""

_HTTP_PATH: Final = "/v1/traces"

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
    from .grpc_exporter import GrpcExporter  # noqa: PLC0415 - see above

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
        self._shutdown_s = shutdown_s
        self._wall_clock_ns = wall_clock_ns
        self._sampler = ParentBased(TraceIdRatioBased(settings.trace_sample_ratio))
        self._propagator = TraceContextTextMapPropagator()
        scope = InstrumentationScope("bge_reranker", version("bge-reranker"))
        self._making = SpanMaking(_resource(), scope, settings)
        self._queue = _BoundedQueue(_Watched(exporter, metrics), metrics)

    def begin(self, headers: RequestHeaders, began: float) -> RequestTrace:
        """Begin the span of a request, as a child of its caller's where there is one."""
        clock_offset_ns = self._wall_clock_ns() - int(time.monotonic() * NS)
        parent, sampled_by = self._caller_of(headers)
        trace_id = parent.trace_id if parent is not None else IDS.generate_trace_id()
        sampled = self._sampler.should_sample(sampled_by, trace_id, REQUEST, SpanKind.SERVER)
        flags = TraceFlags(TraceFlags.SAMPLED if sampled.decision.is_sampled() else TraceFlags.DEFAULT)
        span_id = IDS.generate_span_id()
        context = SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags, trace_state=sampled.trace_state)

        def ended(traced: Traced) -> None:
            self._queue.put(RequestSpan(self._making, context, parent, began, clock_offset_ns, traced))

        return _Recorded(context, ended)

    def shutdown(self) -> None:
        """Send what is left, for seconds at most."""
        thread = threading.Thread(target=self._queue.shutdown, name="tracing-shutdown", daemon=True)
        thread.start()
        thread.join(self._shutdown_s)

    def _caller_of(self, headers: RequestHeaders) -> tuple[SpanContext | None, Context | None]:
        said = headers.getlist(TRACEPARENT)
        if len(said) != 1:
            return None, None
        found = self._propagator.extract({TRACEPARENT: said[0], TRACESTATE: ",".join(headers.getlist(TRACESTATE))})
        context = trace.get_current_span(found).get_span_context()
        return (context, found) if context.is_valid else (None, None)


class _Recorded:
    """The trace of one request.

    Args:
        context: Identity of the request's own span.
        ended: Called with what is known of the request in the end, if it is recorded.
    """

    def __init__(self, context: SpanContext, ended: Callable[[Traced], None]) -> None:
        self._ended = ended
        self._is_recorded = context.trace_flags.sampled
        self.trace_id = trace.format_trace_id(context.trace_id)
        span_id = trace.format_span_id(context.span_id)
        self.exemplar = {"trace_id": self.trace_id, "span_id": span_id} if self._is_recorded else None
        self.headers = {"traceresponse": f"00-{self.trace_id}-{span_id}-{int(self._is_recorded):02x}"}

    def end(self, traced: Traced) -> None:
        """Have the spans of the request and of its parts made and sent, where it is recorded."""
        if self._is_recorded:
            self._ended(traced)


class _Watched(SpanExporter):
    """An exporter of requests whose deliveries are counted, and whose failures are said once until it works again."""

    def __init__(self, exporter: SpanExporter, metrics: Metrics) -> None:
        self._exporter = exporter
        self._delivered = metrics.spans.labels("delivered")
        self._failed = metrics.spans.labels("failed")
        self._is_failing = False
        self.taken = 0
        """Spans that have left the queue."""

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        spans = [span for request in spans if isinstance(request, RequestSpan) for span in request.spans()]
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


class _BoundedQueue:
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
            max_export_batch_size=_MAX_SENT_REQUESTS,
        )

    def put(self, request: RequestSpan) -> None:
        """Have the spans of a request sent."""
        # Requests end on the event loop only, so that no lock is needed: what leaves meanwhile makes room, never less.
        size = request.size
        if self._put_in + size - self._exporter.taken > MAX_QUEUED_SPANS:
            self._dropped.inc(size)
            return
        self._put_in += size
        self._batches.on_end(request)

    def shutdown(self) -> None:
        self._batches.shutdown()


def _resource() -> Origin:
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
    found = theirs.merge(ours).merge(theirs) if is_named else theirs.merge(ours)
    return Origin(found.attributes, found.schema_url)
