"""What surrounds every request: its id, the headers of every answer, its log line, its metrics, and the last resort.

A plain ASGI middleware, outside the framework, so that it also sees what the framework itself answers.
"""

from __future__ import annotations

import asyncio
import re
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from functools import partial

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import InternalError, RerankerError
from ..observe.metrics import Metrics
from ..observe.request_lines import RequestLines
from ..observe.tracing import UNRECORDED, RequestTrace, Traced, Tracing
from ..serving.connection_age import is_due_to_close
from ..serving.protocol import CONNECTED_AT
from ..serving.state import ServingState
from ..settings import Settings
from .exchange import Arrived, RequestRecord
from .responses import error_response

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")

_LINGER_S = 2.0
"""Seconds for which the rest of a body is thrown away unread that was answered early on a connection that closes, so
that the client gets to see its answer: one closed over unread bytes is reset, and the answer lost with it."""

_SERVER_ERROR = 500
"""Least status that says that the server failed."""

_QUIET_PATHS = ("/health", "/ping", "/metrics", "/assets/", "/docs")
"""Paths that probes and scrapers call all day, and the files of the page; logged at debug."""


class Envelope:
    """Wraps an ASGI application.

    Args:
        app: The application.
        resolve: Gives the scope with the path that was meant.
        state: Whether the server drains, and which model it serves.
        settings: How old a connection gets, and how many lines the log has.
        metrics: Where requests are counted.
        tracing: Where what is posted is traced.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        app: ASGIApp,
        resolve: Callable[[Scope], Scope],
        state: ServingState,
        settings: Settings,
        metrics: Metrics,
        tracing: Tracing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._resolve = resolve
        self._state = state
        self._metrics = metrics
        self._tracing = tracing
        self._max_connection_age_s = settings.http.max_connection_age_s
        self._lines = RequestLines(settings.observe.max_request_lines_per_s, metrics.log_lines_skipped.inc)
        self._clock = clock
        self._log = structlog.get_logger("bge_reranker.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        record = RequestRecord(Arrived(_request_id(headers.get("x-request-id")), time.monotonic()))
        scope["bge_reranker.record"] = record
        is_work = scope["method"] == "POST"
        trace: RequestTrace = self._tracing.begin(headers, record.arrived.began) if is_work else UNRECORDED
        answer = _Answer(scope, send, receive, partial(self._headers, scope, record, trace))
        began = self._clock()
        self._metrics.requests_in_flight.inc()
        try:
            await self._pass_on(scope, record, answer)
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - the last resort; a Rust library's panic is no Exception
            self._note_bug(record, error)
            if not answer.status:
                record.held.close()
                await error_response(bug(record), record.stage.style)(scope, answer.receive, answer.send)
        finally:
            record.held.close()
            self._metrics.requests_in_flight.dec()
            self._account(scope, record, trace, answer.status, self._clock() - began)

    async def _pass_on(self, scope: Scope, record: RequestRecord, answer: _Answer) -> None:
        app = self._app
        try:
            scope = self._resolve(scope)
        except RerankerError as error:
            record.code = error.code
            app = error_response(error)
        await app(scope, answer.receive, answer.send)

    def _headers(self, scope: Scope, record: RequestRecord, trace: RequestTrace) -> dict[str, str]:
        """What every answer carries, as things are when it begins: the request may have waited through a signal."""
        headers = {"X-Request-Id": record.arrived.request_id, **trace.headers}
        if self._state.model is not None:
            headers["X-Model-Digest"] = self._state.model.digest
            headers["X-Model-Precision"] = self._state.model.description.precision
        age_s = self._clock() - scope.get(CONNECTED_AT, float("inf"))
        # Probes and scrapers do not wait for the backlog, and another replica would not do for them.
        backlog_s = self._backlog_s if scope["method"] == "POST" else _nothing_waits
        if self._state.is_draining or is_due_to_close(age_s, self._max_connection_age_s, backlog_s):
            headers["Connection"] = "close"
        return headers

    def _backlog_s(self) -> float:
        return self._state.model.engine.backlog_s if self._state.model is not None else 0.0

    def _note_bug(self, record: RequestRecord, error: BaseException) -> None:
        record.code = InternalError.__name__
        # Frames only: the exception's own message may repeat a text.
        raised = (error.__cause__ or error) if isinstance(error, InternalError) else error
        frames = "".join(traceback.format_tb(error.__traceback__) + traceback.format_tb(raised.__traceback__))
        record.bug = {"exception": type(raised).__name__, "trace": frames}

    def _account(self, scope: Scope, record: RequestRecord, trace: RequestTrace, status: int, seconds: float) -> None:
        outcome = record.stage.outcome
        self._metrics.request_ended(
            outcome.dialect, status, record.code, seconds, outcome.documents, outcome.ranking, trace.exemplar
        )
        if outcome.ranking is not None:
            self._metrics.caller_served(record.caller.name, outcome.documents, outcome.ranking.total_tokens)
        trace.end(
            Traced(
                ended=time.monotonic(),
                status=status,
                code=record.code,
                route=outcome.route,
                request_id=record.arrived.request_id,
                dialect=outcome.dialect,
                model=self._state.model.name if self._state.model is not None else "",
                documents=outcome.documents,
                top_n=outcome.top_n,
                ranking=outcome.ranking,
            )
        )
        self._write_line(scope, record, trace, status, seconds)

    def _write_line(
        self, scope: Scope, record: RequestRecord, trace: RequestTrace, status: int, seconds: float
    ) -> None:
        outcome, log, skipped = record.stage.outcome, self._log.debug, 0
        if not scope["path"].startswith(_QUIET_PATHS) and scope["path"] != "/":
            admitted = self._lines.admit(self._clock(), has_failed=status >= _SERVER_ERROR or not status)
            if admitted is None:
                return
            log, skipped = self._log.info, admitted
        if record.bug:
            log = self._log.error
        log(
            "request_failed" if record.bug else "request",
            request_id=record.arrived.request_id,
            trace_id=trace.trace_id or None,
            method=scope["method"],
            path=scope["path"][:200],
            status=status,
            code=record.code,
            dialect=outcome.dialect,
            caller=record.caller.name or None,
            documents=outcome.documents,
            tokens=outcome.ranking.total_tokens if outcome.ranking else 0,
            ms=round(seconds * 1000, 2),
            skipped=skipped,
            **record.bug,
        )


class _Answer:
    """Sends an answer, adding headers; remembers its status, and whether the request's body has come to its end."""

    def __init__(self, scope: Scope, send: Send, receive: Receive, headers: Callable[[], Mapping[str, str]]) -> None:
        self._scope = scope
        self._send = send
        self._receive = receive
        self._headers = headers
        self._is_body_over = False
        self._is_last = False
        self.status = 0

    async def receive(self) -> Message:
        """Hand over a part of the request; the ASGI callable."""
        message = await self._receive()
        self._is_body_over = message["type"] != "http.request" or not message.get("more_body")
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on; the ASGI callable."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers().items():
                headers.setdefault(name, value)
            self._is_last = _closes(self._scope, headers)
        elif message["type"] == "http.response.body" and self._must_linger and not message.get("more_body"):
            await self._send({**message, "more_body": True})
            await self._discard_body()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    @property
    def _must_linger(self) -> bool:
        return self._is_last and not self._is_body_over

    async def _discard_body(self) -> None:
        try:
            async with asyncio.timeout(_LINGER_S):
                while not self._is_body_over:
                    await self.receive()
        except TimeoutError:
            return


def _nothing_waits() -> float:
    return float("-inf")


def bug(record: RequestRecord) -> InternalError:
    """What a caller is told of a failure that nobody foresaw."""
    return InternalError(
        f"The server failed on this request; its log says why, under the id {record.arrived.request_id}."
    )


def _closes(scope: Scope, answer: Headers) -> bool:
    """Whether either side has said that the connection ends with this answer."""
    said = ",".join(Headers(scope=scope).getlist("connection") + answer.getlist("connection"))
    return scope["http_version"] == "1.0" or "close" in {word.strip().lower() for word in said.split(",")}


def _request_id(given: str | None) -> str:
    """The caller's id where it is short and printable, else one of ours."""
    return given if given is not None and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
