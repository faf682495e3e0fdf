"""OpenTelemetry's exporter over gRPC, with an encoder for the spans that we make."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from typing_extensions import override

from .span_encoding import encode_our_spans


class GrpcExporter(OTLPSpanExporter):
    """The SDK's exporter; only what it sends is put together by `span_encoding`."""

    # Each exporter of the SDK implements this method of their common base. One that had another would encode by itself.
    @override
    def _translate_data(self, data: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
        return encode_our_spans(data)
