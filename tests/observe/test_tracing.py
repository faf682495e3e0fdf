"""Traces, as receivers of OTLP get them over real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from starlette.datastructures import Headers
from typing_extensions import override

from bge_reranker.observe.metrics import Metrics
from bge_reranker.observe.otlp import MAX_QUEUED_SPANS, OtlpTracing
from bge_reranker.observe.tracing import NoTracing, Traced
from bge_reranker.settings import ObserveSettings
from tests.live.server import live_server

from .otlp_receivers import RECEIVERS

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "nobody-may-read-this"
BODY = {"query": SECRET, "candidates": [f"good {SECRET}", "bad"], "top_n": 1}
ASKED = Traced(1.0, 200, "ok", "/rerank", "id", "native", "model", 3, None, None)


def from_caller(*, is_sampled: bool = True) -> dict[str, str]:
    return {"traceparent": f"00-{TRACE}-{CALLER}-{int(is_sampled):02x}"}


def values(span: Span) -> dict[str, str | int | float]:
    """Attributes of a span."""
    found: dict[str, str | int | float] = {}
    for attribute in span.attributes:
        value = attribute.value
        kind = value.WhichOneof("value")
        found[attribute.key] = getattr(value, kind) if kind else ""
    return found


def spans_of(metrics: Metrics, outcome: str) -> float | None:
    return metrics.registry.get_sample_value("bge_reranker_spans_total", {"outcome": outcome})


@pytest.mark.parametrize("protocol", RECEIVERS)
def test_a_request_is_a_tree_of_spans_in_its_callers_trace(tmp_path: Path, protocol: str) -> None:
    with RECEIVERS[protocol]() as receiver:
        flags = {"otlp_endpoint": receiver.endpoint, "otlp_protocol": protocol, "log_level": "info"}
        with live_server(tmp_path, flags) as server:
            answer = server.post(BODY, headers=from_caller())
            assert answer.status_code == 200
            assert answer.headers["traceresponse"].startswith(f"00-{TRACE}-")
            exposed = httpx.get(server.management_url + "/metrics", headers={"Accept": "application/openmetrics-text"})
        spans = {span.name: span for span in receiver.spans}
        parents = {name: _name(span.parent_span_id, receiver.spans) for name, span in spans.items()}
        assert parents == {
            "POST /rerank": CALLER,
            "rerank": "POST /rerank",
            "tokenise": "rerank",
            "queue": "rerank",
            "compute": "rerank",
            "batch": "compute",
        }
        assert {span.trace_id.hex() for span in receiver.spans} == {TRACE}
        assert answer.headers["traceresponse"].split("-")[2] == spans["POST /rerank"].span_id.hex()
        _lie_within(spans, parents)
        assert values(spans["POST /rerank"])["http.response.status_code"] == 200
        assert values(spans["rerank"])["reranker.top_k"] == 1
        assert values(spans["batch"])["bge_reranker.batch.own_pairs"] == 2
        assert receiver.resource["service.name"] == "bge-reranker"
        assert SECRET.encode() not in receiver.everything
    lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
    assert [line["trace_id"] for line in lines if line.get("path") == "/rerank"] == [TRACE]
    assert spans_of(server.metrics, "delivered") == 6
    (buckets,) = [line for line in exposed.text.splitlines() if "request_seconds_bucket" in line and "#" in line]
    assert f'trace_id="{TRACE}"' in buckets


def _name(span_id: bytes, spans: Sequence[Span]) -> str:
    return next((span.name for span in spans if span.span_id == span_id), span_id.hex())


def _lie_within(spans: dict[str, Span], parents: dict[str, str]) -> None:
    for name, span in spans.items():
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        parent = spans.get(parents[name], span)
        assert parent.start_time_unix_nano <= span.start_time_unix_nano, name
        assert span.end_time_unix_nano <= parent.end_time_unix_nano, name


def test_an_error_is_a_span_with_its_code(tmp_path: Path) -> None:
    with RECEIVERS["grpc"]() as receiver:
        with live_server(tmp_path, {"otlp_endpoint": receiver.endpoint}) as server:
            assert server.post({"query": "q", "candidates": ["boom"]}).status_code == 500
            assert server.post({"query": "q"}).status_code == 422
            assert server.post({}, path="/nowhere").status_code == 404
        spans = {str(values(span)["error.type"]): span for span in receiver.spans}
        assert {code: span.name for code, span in spans.items()} == {
            "BatchFailed": "POST /rerank",
            "AmbiguousDialect": "POST /rerank",
            "RouteNotFound": "rerank request",
        }
        assert [code for code, span in spans.items() if span.status.code] == ["BatchFailed"]


def test_who_calls_decides_whether_its_request_is_traced(tmp_path: Path) -> None:
    with RECEIVERS["grpc"]() as receiver:
        flags = {"otlp_endpoint": receiver.endpoint, "trace_sample_ratio": 0}
        with live_server(tmp_path, flags) as server:
            server.post(BODY)
            server.post(BODY, headers=from_caller(is_sampled=False))
            server.post(BODY, headers=from_caller())
        assert {span.trace_id.hex() for span in receiver.spans} == {TRACE}


def test_a_trace_that_is_named_twice_is_not_continued_and_states_in_several_headers_are_one_list(
    tmp_path: Path,
) -> None:
    parent = next(iter(from_caller().items()))
    states = [("tracestate", "a=1"), ("tracestate", "b=2")]
    with RECEIVERS["grpc"]() as receiver:
        with live_server(tmp_path, {"otlp_endpoint": receiver.endpoint}) as server:
            server.post(BODY, headers=httpx.Headers([parent, parent]))
        assert TRACE not in {span.trace_id.hex() for span in receiver.spans}
        with live_server(tmp_path, {"otlp_endpoint": receiver.endpoint}) as server:
            server.post(BODY, headers=httpx.Headers([parent, *states]))
        assert {span.trace_state for span in receiver.spans if span.trace_id.hex() == TRACE} == {"a=1,b=2", ""}


def test_a_request_of_which_every_score_was_known_has_a_rerank_span(tmp_path: Path) -> None:
    with RECEIVERS["grpc"]() as receiver:
        flags = {"otlp_endpoint": receiver.endpoint, "score_cache_bytes": 1_000_000}
        with live_server(tmp_path, flags) as server:
            server.post(BODY)
            server.post(BODY, headers=from_caller())
        known = {span.name: span for span in receiver.spans if span.trace_id.hex() == TRACE}
        assert sorted(known) == ["POST /rerank", "rerank"]
        assert values(known["rerank"])["bge_reranker.documents"] == 2


def test_a_dead_receiver_costs_the_spans_and_no_request(tmp_path: Path) -> None:
    with RECEIVERS["http"]() as receiver:
        endpoint = receiver.endpoint
    with live_server(tmp_path, {"otlp_endpoint": endpoint, "otlp_protocol": "http"}) as server:
        assert server.is_well()
    assert spans_of(server.metrics, "delivered") == 0


class Stuck(SpanExporter):
    """A receiver that takes spans and never answers, until it is let go."""

    def __init__(self) -> None:
        self.is_let_go = threading.Event()
        self.has_begun = threading.Event()
        self.spans: list[ReadableSpan] = []

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans.extend(spans)
        self.has_begun.set()
        self.is_let_go.wait()
        return SpanExportResult.SUCCESS


def test_a_stuck_receiver_lets_spans_wait_up_to_a_bound_and_holds_up_no_shutdown() -> None:
    metrics, stuck, more = Metrics(), Stuck(), 300
    tracing = OtlpTracing(ObserveSettings(), metrics, stuck, shutdown_s=0.01)
    tracing.begin(Headers(), 0.0).end(ASKED)
    stuck.has_begun.wait()
    taken = len(stuck.spans)
    for _ in range(MAX_QUEUED_SPANS + more):
        tracing.begin(Headers(), 0.0).end(ASKED)
    assert spans_of(metrics, "dropped") == more
    tracing.shutdown()
    assert len(stuck.spans) == taken
    assert not stuck.is_let_go.is_set()
    stuck.is_let_go.set()


def test_a_clock_that_is_set_while_a_request_runs_changes_no_span() -> None:
    stuck, hour_ns = Stuck(), 3_600_000_000_000
    stuck.is_let_go.set()
    clocks = iter([hour_ns, 0])
    tracing = OtlpTracing(ObserveSettings(), Metrics(), stuck, wall_clock_ns=lambda: next(clocks, 0))
    first, second = tracing.begin(Headers(), 0.25), tracing.begin(Headers(), 0.25)
    for trace in (first, second):
        trace.end(ASKED)
    tracing.shutdown()
    assert [_length(span) for span in stuck.spans] == [750_000_000] * 2


def _length(span: ReadableSpan) -> int:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.end_time - span.start_time


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (f"00-{TRACE}-{CALLER}-01", TRACE),
        (f"cc-{TRACE}-{CALLER}-01-more", TRACE),
        (f"ff-{TRACE}-{CALLER}-01", ""),
        (f"00-{'0' * 32}-{CALLER}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-{CALLER}-01", ""),
        (f"00-{TRACE}-{CALLER}-01\n", ""),
        ("x" * 10_000, ""),
        ("", ""),
    ],
)
def test_the_log_names_the_callers_trace_also_where_none_is_recorded(header: str, trace_id: str) -> None:
    trace = NoTracing().begin(Headers({"traceparent": header}), 0.0)
    assert (trace.trace_id, trace.exemplar, dict(trace.headers)) == (trace_id, None, {})


def test_a_receiver_without_the_libraries_that_send_to_it_is_refused_by_name() -> None:
    code = """
import sys
from tests.serving.serve_without_torch import Blocker
sys.meta_path.insert(0, Blocker())
from bge_reranker.observe.metrics import Metrics
from bge_reranker.observe.start import start_tracing
from bge_reranker.settings import ObserveSettings
start_tracing(ObserveSettings(otlp_endpoint="http://127.0.0.1:4317"), Metrics())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = "observe.otlpEndpoint is set, but opentelemetry.sdk is not installed."
    assert done.stderr.splitlines()[-1] == f"bge_reranker.errors.root.SettingsError: {said}"
