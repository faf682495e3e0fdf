"""What is known about one request while it lives, for its log line and its metrics. Never any text of it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from starlette.requests import Request

from ..ranking.ranking import Ranking
from .error_table import ErrorStyle


@dataclass(slots=True)
class RequestRecord:
    """Filled in by the handler, read once by the envelope when the answer has been sent."""

    request_id: str
    dialect: str = "none"
    code: str = "ok"
    documents: int = 0

    key: str = ""
    """By which the log tells the keys of callers apart; empty where none was needed or right."""

    ranking: Ranking | None = None

    style: ErrorStyle = field(default_factory=ErrorStyle)
    """In whose words an error would be said, as far as that is known."""

    held_bytes: int = 0
    """What the request holds of the memory for bodies, by weight."""

    held: ExitStack = field(default_factory=ExitStack)
    """What is given back when the answer has been taken, or as soon as it is known to be an error."""

    began: float = field(default_factory=time.monotonic)
    """Monotonic second at which its headers were in."""


def record_of(request: Request) -> RequestRecord:
    """The record that the envelope put beside this request."""
    record: RequestRecord = request.scope["bge_reranker.record"]
    return record
