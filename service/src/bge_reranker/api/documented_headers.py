"""The headers of requests and answers, as the OpenAPI document describes them."""

from __future__ import annotations

from typing import Any, Final

from .dispatch import DIALECTS, FAMILIES, ROUTES
from .schema import INDEX, TEXT, Schema

_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_SECONDS: Final[Schema] = {"type": "integer", "minimum": 1}

PARAMETERS: Final[dict[str, Any]] = {
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "Comes back in the answer and stands in the log line, if it has 1 to 128 printable characters.",
        "schema": TEXT,
    },
    "TraceParent": {
        "name": "traceparent",
        "in": "header",
        "description": "The caller's trace (W3C Trace Context), of which the request becomes a part.",
        "schema": TEXT,
    },
    "Deadline": {
        "name": "X-Request-Deadline-Ms",
        "in": "header",
        "description": "Milliseconds after which the answer is worthless; shortens the server's own deadline.",
        "schema": {"type": "number", "minimum": 1},
    },
    "CacheControl": {
        "name": "Cache-Control",
        "in": "header",
        "description": "`no-cache` has all scores computed now; with `no-store` none are kept either.",
        "schema": TEXT,
    },
}
"""Request headers under the names by which operations refer to them."""

_ALWAYS: Final[dict[str, Any]] = {
    "X-Request-Id": {"description": "The caller's id, or one of ours.", "required": True, "schema": TEXT},
    "X-Model-Digest": {"description": "Digest of the served model's files; absent while none is.", "schema": TEXT},
    "X-Model-Precision": {"description": "Number format that the scorer computes in.", "schema": TEXT},
    "traceresponse": {
        "description": "The request's own trace (W3C Trace Context); absent where none is recorded.",
        "schema": TEXT,
    },
}
_RANKED: Final[dict[str, Any]] = {
    "X-Rerank-Errors": {"description": "Documents without a score: `index=code`, and how many in all.", "schema": TEXT},
    "Server-Timing": {"description": "Tokenise, queue, compute and total, in milliseconds.", "schema": TEXT},
    "X-Compute-Type": {"description": "`cpu` or `gpu`.", "schema": TEXT},
    "X-Compute-Characters": {"description": "Characters of all texts.", "schema": _COUNT},
    "X-Compute-Tokens": {"description": "Tokens of all pairs.", "schema": _COUNT},
    "X-Compute-Time": {"description": "As X-Total-Time; TEI has both.", "schema": _COUNT},
    "X-Total-Time": {"description": "Whole milliseconds from the first byte to the answer.", "schema": INDEX},
    "X-Tokenization-Time": {"description": "Whole milliseconds of tokenising.", "schema": INDEX},
    "X-Queue-Time": {"description": "Whole milliseconds in the queue.", "schema": INDEX},
    "X-Cache": {"description": "HIT, PARTIAL or MISS, where scores are kept.", "schema": TEXT},
    "X-Cache-Hits": {"description": "Documents whose scores were known, or are those of equal ones.", "schema": INDEX},
    "X-Inference-Time": {"description": "Whole milliseconds of computing.", "schema": INDEX},
}
_REFUSED: Final[dict[str, Any]] = {
    "X-Error-Code": {"description": "The error's code, as under `code`.", "required": True, "schema": TEXT},
}
_LATER: Final[dict[str, Any]] = {
    "Retry-After": {"description": "Seconds after which to come back.", "required": True, "schema": _SECONDS},
    "retry-after-ms": {"description": "The same in milliseconds.", "required": True, "schema": _SECONDS},
}
_ALLOW: Final[dict[str, Any]] = {
    "Allow": {"description": "The methods of this path.", "required": True, "schema": TEXT},
}
_CHALLENGE: Final[dict[str, Any]] = {
    "WWW-Authenticate": {"description": "How to send a key.", "required": True, "schema": TEXT},
}
_OF_STATUS: Final[dict[int, dict[str, Any]]] = {
    401: _CHALLENGE,
    403: _CHALLENGE,
    405: _ALLOW,
    429: _LATER,
    503: _LATER,
}

HEADERS: Final[dict[str, Any]] = {**_ALWAYS, **_RANKED, **_REFUSED, **_CHALLENGE, **_LATER, **_ALLOW}
"""Every header of an answer, as components of the document."""

EXPOSED_HEADERS: Final = tuple(HEADERS)
"""Headers that pages of other origins may read."""


def dialect_parameter(route: str) -> dict[str, Any]:
    """The header that names a dialect, with the names that mean something on a route.

    Args:
        route: One of the paths that rank.
    """
    members = ROUTES[route]
    families = [family for family, names in FAMILIES.items() if not set(names).isdisjoint(members)]
    order = "Wins over the keys of the body; the prefix /dialects/NAME wins over it. Empty counts as absent."
    return {
        "name": "X-Rerank-Dialect",
        "in": "header",
        "description": order if len(members) == len(DIALECTS) else f"{order} Other names are understood, but not here.",
        "schema": {"type": "string", "enum": [*members, *families, ""]},
    }


def parameters(*names: str) -> list[dict[str, Any]]:
    """References to request headers."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def headers_of(status: int, *, ranked: bool = False) -> dict[str, Any]:
    """References to the headers of an answer.

    Args:
        status: Its status.
        ranked: Whether it is a ranking.
    """
    names = [*_ALWAYS, *(_RANKED if ranked else ()), *(() if status < 400 else _REFUSED), *_OF_STATUS.get(status, ())]  # noqa: PLR2004 - the first status of an error
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
