"""`python -m tests.bench.otlp_sink`: a receiver of traces that forgets them; prints its address."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from typing_extensions import override


class Sink(TraceServiceServicer):
    """Answers that all is well."""

    @override
    def Export(self, request: ExportTraceServiceRequest, context: Any) -> ExportTraceServiceResponse:
        return ExportTraceServiceResponse()


if __name__ == "__main__":
    server = grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(Sink(), server)
    sys.stdout.write(f"Ready: http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}\n")
    server.start()
    sys.stdout.flush()
    server.wait_for_termination()
