"""The spans of one request, made where they are sent: on its way it only leaves what they are made of.

They are records of the SDK's, made directly and not by its tracer, which takes as long for one span as the others take
for ten: it samples, bounds, cleans and locks what nobody changes any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode
from typing_extensions import override

from ..engine.trail import Trail
from ..settings import ObserveSettings
from .rerank_attributes import Attributes, rerank_attributes
from .tracing import Traced

NS: Final = 1_000_000_000

REQUEST: Final = "rerank request"
"""Name of a request's span until its route is known."""

IDS: Final = RandomIdGenerator()

_SERVER_ERROR: Final = 500
_UNSET: Final = Status(StatusCode.UNSET)


class Origin(Resource):
    """A resource that knows its hash: the SDK's encoder asks for it with every span, and hashes all attributes."""

    @override
    def __hash__(self) -> int:
        found: int | None = getattr(self, "_known_hash", None)
        if found is None:
            found = self._known_hash = super().__hash__()
        return found


@dataclass(frozen=True, slots=True)
class SpanMaking:
    """What all spans of the process share.

    Attributes:
        resource: Which program and which pod.
        scope: Who makes them.
        settings: Names of attributes.
    """

    resource: Origin
    scope: InstrumentationScope
    settings: ObserveSettings


class RequestSpan(ReadableSpan):
    """A request as it waits in the SDK's queue, of which its spans are made.

    Args:
        making: What all spans share.
        context: Identity of the request's own span.
        parent: Its caller's; None where it has none.
        began: Monotonic second at which its headers were in.
        clock_offset_ns: From monotonic time to that of the world.
        traced: What is known of it.
    """

    def __init__(
        self,
        making: SpanMaking,
        context: SpanContext,
        parent: SpanContext | None,
        began: float,
        clock_offset_ns: int,
        traced: Traced,
    ) -> None:
        super().__init__(REQUEST, context, resource=making.resource)
        self._making = making
        self._caller = parent
        self._began = began
        self._clock_offset_ns = clock_offset_ns
        self._traced = traced

    @property
    def size(self) -> int:
        """How many spans it is."""
        trail = self._trail
        if trail is None:
            return 1 if self._traced.ranking is None else 2
        return 3 + (2 + len(trail.batches) if trail.batches else 0)

    @property
    def _trail(self) -> Trail | None:
        # A ranking for which nothing was computed has been nowhere.
        timing = self._traced.ranking.timing if self._traced.ranking is not None else None
        return timing.trail if timing is not None and timing.began else None

    def spans(self) -> Iterator[ReadableSpan]:
        """Make the spans, each after those that it holds."""
        traced = self._traced
        if self._trail is not None:
            yield from self._of_the_ranking(self._trail)
        elif traced.ranking is not None:
            # Every score was known, or there was none to compute.
            attributes = rerank_attributes(traced, self._making.settings)
            yield self._span("rerank", self._inner(), self.context, (self._began, traced.ended), attributes)
        is_error = traced.status >= _SERVER_ERROR or not traced.status
        yield self._span(
            f"POST {traced.route}" if traced.route else REQUEST,
            self.context,
            self._caller,
            (self._began, traced.ended),
            _request_attributes(traced),
            SpanKind.SERVER,
            Status(StatusCode.ERROR, traced.code) if is_error else _UNSET,
        )

    def _of_the_ranking(self, trail: Trail) -> Iterator[ReadableSpan]:
        assert self._traced.ranking is not None  # noqa: S101 - there is a trail; tells mypy so
        timing = self._traced.ranking.timing
        rerank, tokenised_s = self._inner(), timing.began + timing.tokenise_s
        ended_s = trail.ended if trail.ended is not None else tokenised_s
        yield self._span("tokenise", self._inner(), rerank, (timing.began, tokenised_s))
        if trail.batches:
            compute, began_s = self._inner(), trail.batches[0].began
            yield self._span("queue", self._inner(), rerank, (trail.submitted, began_s))
            for batch in trail.batches:
                of_batch: Attributes = {
                    "bge_reranker.batch.tokens": batch.tokens,
                    "bge_reranker.batch.pairs": batch.pairs,
                    "bge_reranker.batch.own_pairs": batch.own_pairs,
                }
                yield self._span(
                    "batch", self._inner(), compute, (batch.began, batch.began + batch.compute_s), of_batch
                )
            of_compute: Attributes = {"bge_reranker.share_seconds": timing.compute_s}
            yield self._span("compute", compute, rerank, (began_s, ended_s), of_compute)
        attributes = rerank_attributes(self._traced, self._making.settings)
        yield self._span("rerank", rerank, self.context, (timing.began, ended_s), attributes)

    def _inner(self) -> SpanContext:
        """The identity of a further span of the same trace."""
        own = self.context
        return SpanContext(own.trace_id, IDS.generate_span_id(), is_remote=False, trace_flags=own.trace_flags)

    def _span(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        between: tuple[float, float],
        attributes: Attributes | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        status: Status = _UNSET,
    ) -> ReadableSpan:
        began, ended = between
        return ReadableSpan(
            name,
            context,
            parent,
            self._making.resource,
            attributes,
            kind=kind,
            status=status,
            start_time=self._at(began),
            end_time=self._at(ended),
            instrumentation_scope=self._making.scope,
        )

    def _at(self, monotonic_s: float) -> int:
        return int(monotonic_s * NS) + self._clock_offset_ns


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
