"""JSON answers and error answers, with the headers that tell a client when to come back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from ..errors import (
    BodyTooLarge,
    Forbidden,
    InternalError,
    RateLimited,
    RequestTimedOut,
    RerankerError,
    Unauthenticated,
)
from .dispatch import DIALECTS
from .error_table import PLAIN_STYLE, ErrorStyle, body_of, status_of
from .exchange import Answered, record_of

_CLOSING = (BodyTooLarge, RequestTimedOut)
"""Errors after which the rest of the body is still on its way, so that the connection cannot be used again."""

_SLICE_BYTES = 262_144
"""Bytes of an answer that are handed over at once."""

_CHALLENGE: Final = 'Bearer realm="bge-reranker"'
"""How to authenticate. `Basic` is taken too but not asked for: browsers would answer with a window of their own."""

_TEI_STYLE: Final = ErrorStyle(DIALECTS["tei"])
_UNREADY_STATUS: Final = 503
_RETRY_AFTER_S: Final = 2.0
"""Seconds after which a 503 may be tried again where nothing better is known: another pod, or this one restarted."""


class _SlicedResponse(Response):
    """Hands a large body over in slices: the event loop copies what it sends, and others would wait for megabytes."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, max(1, len(self.body)), _SLICE_BYTES):
            stop = start + _SLICE_BYTES
            message = {"type": "http.response.body", "body": self.body[start:stop], "more_body": stop < len(self.body)}
            await send(message)


def json_response(content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer whose body is JSON already."""
    return _SlicedResponse(content, status_code=status, media_type="application/json", headers=headers)


def error_response(error: RerankerError, style: ErrorStyle = PLAIN_STYLE) -> Response:
    """An error in the style of a dialect, native where none is known."""
    status = status_of(error, style)
    return json_response(orjson.dumps(body_of(error, style)), status, error_headers(error, status))


def unready_response(request: Request, error: RerankerError, verdict: dict[str, Any]) -> Response:
    """A probe's no: its family's own words, and beside them what every error says.

    Args:
        request: The probe's request.
        error: Why requests should go elsewhere.
        verdict: What clients of this probe read.
    """
    record_of(request).code = error.code
    # TEI's word for it, which its clients look for; the other keys are the same in every dialect.
    body = body_of(error, _TEI_STYLE) | {"error_type": "Unhealthy"} | verdict
    return json_response(orjson.dumps(body), _UNREADY_STATUS, error_headers(error, _UNREADY_STATUS))


def refused(request: Request, error: RerankerError) -> Response:
    """An error in the style of the request's dialect, noted for its log line; nothing that it held is needed for it.

    Raises:
        InternalError: If that is the error: the envelope logs what was behind it.
    """
    if isinstance(error, InternalError):
        raise error
    record = record_of(request)
    record.code = error.code
    response = error_response(error, record.stage.style)
    record.stage = Answered(record.stage.outcome)
    record.held.close()
    return response


def error_headers(error: RerankerError, status: int) -> dict[str, str]:
    """The error's code, when to come back, how to be let in, and whether the connection can be used again."""
    headers = {"X-Error-Code": error.code}
    seconds = error.retry_after_s
    if seconds is None and status == _UNREADY_STATUS:
        seconds = _RETRY_AFTER_S
    if seconds is not None:
        headers["Retry-After"] = str(max(1, math.ceil(seconds)))
        headers["retry-after-ms"] = str(max(1, math.ceil(seconds * 1000)))
        if isinstance(error, RateLimited) and "limit" in error.figures:
            headers |= _limit_headers(error, seconds)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = _CHALLENGE
    if isinstance(error, Forbidden):
        headers["WWW-Authenticate"] = f'{_CHALLENGE}, error="insufficient_scope"'
    if isinstance(error, _CLOSING):
        headers["Connection"] = "close"
    return headers


def _limit_headers(error: RateLimited, seconds: float) -> dict[str, str]:
    """The limit that was reached, under the names that OpenAI's clients read."""
    name = error.figures["limit"]
    return {
        f"x-ratelimit-limit-{name}": str(error.figures["amount"]),
        f"x-ratelimit-remaining-{name}": "0",
        f"x-ratelimit-reset-{name}": f"{max(1, math.ceil(seconds))}s",
    }
