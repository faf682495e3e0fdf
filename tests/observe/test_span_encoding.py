"""Our encoder of spans beside the SDK's."""

from __future__ import annotations

import numpy as np
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from bge_reranker.engine.trail import BatchShare, Trail
from bge_reranker.observe.request_spans import Origin, RequestSpan, SpanMaking
from bge_reranker.observe.span_encoding import encode_our_spans
from bge_reranker.observe.tracing import Traced
from bge_reranker.ranking.ranking import Ranking, Timing
from bge_reranker.settings import ObserveSettings

MAKING = SpanMaking(
    Origin(
        {"service.name": "bge-reranker", "process.command_args": ("serve", "--model")},
        "https://opentelemetry.io/schemas/1.29.0",
    ),
    InstrumentationScope("bge_reranker", "1"),
    ObserveSettings(rerank_attributes="both"),
)
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
OWN = SpanContext(7, 8, is_remote=False, trace_flags=SAMPLED)
OF_CALLER = SpanContext(7, 8, is_remote=False, trace_flags=SAMPLED, trace_state=TraceState([("a", "1"), ("b", "2")]))
CALLER = SpanContext(7, 9, is_remote=True, trace_flags=SAMPLED)
BATCHES = (BatchShare(1.2, 0.1, 300, 16, 8), BatchShare(1.4, 0.1, 200, 8, 8))
RANKING = Ranking(
    np.zeros(2, np.float32),
    {},
    np.full(2, 40, np.int32),
    np.ones(2, np.bool_),
    Timing(0.1, 0.1, 0.2, 1.0, Trail(1.1, BATCHES, 1.5)),
)


def spans_of_request(
    context: SpanContext = OWN, parent: SpanContext | None = None, status: int = 200, ranking: Ranking | None = RANKING
) -> list[ReadableSpan]:
    code = "ok" if status == 200 else "BatchFailed"
    traced = Traced(2.0, status, code, "/rerank", "id", "native", "model", 2, None, ranking)
    return list(RequestSpan(MAKING, context, parent, 1.0, 1_700_000_000_000_000_000, traced).spans())


def test_every_kind_of_request_is_encoded_byte_for_byte_as_the_sdk_does_it() -> None:
    spans = [
        *spans_of_request(),
        *spans_of_request(OF_CALLER, CALLER),
        *spans_of_request(status=500, ranking=None),
        *spans_of_request(status=200, ranking=Ranking.empty()),
    ]
    ours, theirs = encode_our_spans(spans), encode_spans(spans)
    assert len(ours.resource_spans[0].scope_spans[0].spans) == 17
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
