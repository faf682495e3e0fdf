"""What a request is to a trace, whether or not traces are recorded; `otlp` records them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from ..ranking.ranking import Ranking

TRACEPARENT: Final = "traceparent"
"""Header with which a caller says to which trace its request belongs (W3C Trace Context)."""

TRACESTATE: Final = "tracestate"
"""Header with what tracing systems say of that trace; several of them are one list."""

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


@dataclass(frozen=True, slots=True)
class Traced:
    """What is known of a request when its answer has been sent; nothing of its texts."""

    ended: float
    """Monotonic second."""

    status: int
    """HTTP status, 0 where nothing was sent."""

    code: str
    """Error's code, or `ok`."""

    route: str
    """One of the routes; empty where none was found."""

    request_id: str
    dialect: str
    model: str
    """Name of the served model; empty while there is none."""

    documents: int
    top_n: int | None
    """Most results that were asked for; None for all."""

    ranking: Ranking | None


class RequestTrace(Protocol):
    """The trace of one request."""

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits; empty where nobody traces."""

    @property
    def exemplar(self) -> dict[str, str] | None:
        """Labels under which a metric points to this trace; None where it is not recorded."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the answer."""

    def end(self, traced: Traced) -> None:
        """Record its spans."""


class RequestHeaders(Protocol):
    """Headers of a request, by names in any letter case."""

    def getlist(self, key: str, /) -> list[str]:
        """Every value of a header."""


class Tracing(Protocol):
    """Traces requests."""

    def begin(self, headers: RequestHeaders, began: float) -> RequestTrace:
        """Begin with a request whose headers are in.

        Args:
            headers: Its own.
            began: Monotonic second at which they were.
        """

    def shutdown(self) -> None:
        """Send what is left and stop; returns within seconds whatever the receiver does."""


class Unrecorded:
    """A request that is not traced here: only its caller's trace is named in the log.

    Args:
        trace_id: Of the caller; empty where it has none.
    """

    def __init__(self, trace_id: str = "") -> None:
        self.trace_id = trace_id
        self.exemplar: dict[str, str] | None = None
        self.headers: Mapping[str, str] = {}

    def end(self, traced: Traced) -> None:
        """Record nothing."""


UNRECORDED: Final = Unrecorded()
"""A request that belongs to no trace."""


class NoTracing:
    """Records nothing."""

    def begin(self, headers: RequestHeaders, began: float) -> RequestTrace:  # noqa: ARG002 - the protocol's
        """Note which trace the caller says that its request belongs to; it belongs to none if it says so twice."""
        said = headers.getlist(TRACEPARENT)
        found = _TRACEPARENT.fullmatch(said[0]) if len(said) == 1 else None
        return UNRECORDED if found is None else Unrecorded(found[1])

    def shutdown(self) -> None:
        """Nothing is left."""
