"""JSON answers and error answers, with the headers that tell a client when to come back."""

from __future__ import annotations

import math
from collections.abc import Mapping

import orjson
from starlette.responses import Response

from ..errors import BodyTooLarge, RequestTimedOut, RerankerError
from .error_table import Voice, body_of, status_of

_CLOSING = (BodyTooLarge, RequestTimedOut)
"""Errors after which the rest of the body is still on its way, so that the connection cannot be used again."""


def json_response(content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer whose body is JSON already."""
    return Response(content, status_code=status, media_type="application/json", headers=headers)


def error_response(error: RerankerError, voice: Voice | None = None) -> Response:
    """An error in the words of a dialect, native where none is known yet."""
    voice = voice or Voice()
    headers = {"X-Error-Code": error.code}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
        headers["retry-after-ms"] = str(max(1, math.ceil(error.retry_after_s * 1000)))
    if isinstance(error, _CLOSING):
        headers["Connection"] = "close"
    return json_response(orjson.dumps(body_of(error, voice)), status_of(error, voice), headers)
