"""What every answer must be, whatever was asked."""

from __future__ import annotations

import httpx
import orjson

_ALLOWED = {200, 400, 401, 403, 404, 405, 413, 415, 422, 424, 429, 503, 504}
"""Statuses that a request may end with. Not 500: that would be a bug of ours."""

_NO_CONTENT = 204
"""What OPTIONS is answered with."""

_BACKEND = 424
"""What TEI's dialect says when no text could be scored; the scripted scorer's `nan` does that on purpose."""


def complaint(answer: httpx.Response) -> str | None:
    """Say what is wrong with an answer, or None."""
    if answer.status_code == _NO_CONTENT:
        return None if not answer.content and "allow" in answer.headers else "an answer to OPTIONS without its methods"
    body = _json(answer)
    if body is None:
        return "the body is not JSON"
    if answer.status_code not in _ALLOWED and not _is_scripted_failure(body):
        return f"status {answer.status_code}"
    if "x-request-id" not in answer.headers:
        return "no request id"
    if answer.is_success:
        return None
    if not isinstance(body, dict) or not {"error", "error_type", "message", "detail", "code"} <= set(body):
        return "an error without its keys"
    return None


def _json(answer: httpx.Response) -> object:
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None


def _is_scripted_failure(body: object) -> bool:
    """A request all of whose documents score NaN has no result to give; the server says so by this code."""
    return isinstance(body, dict) and body.get("code") == "NonFiniteScore"
