"""The HTTP/1.1 protocol with the limits that uvicorn's own lacks: patience, both ways, and refusals in our words.

h11 rather than httptools: it bounds the size of headers, and it ignores an offered upgrade (`Upgrade: h2c`, which some
clients send to every server) instead of losing the request's body over it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Final

import h11
from typing_extensions import override
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from ..errors import MalformedRequest, RequestTimedOut, RerankerError, TooManyConnections
from ..settings import HttpSettings
from .descriptors import LINGERING_CONNECTIONS

CONNECTED_AT: Final = "bge_reranker.connected_at"
"""Key in the ASGI scope: monotonic second at which the connection was made."""

MAX_HEADER_BYTES = 65_536
"""Most bytes of a request's line and headers."""

_LAST_REQUEST_S = 2.0
"""Seconds that a connection without a request gets at shutdown to send the one it was made for."""

_HEADERS_TOO_LARGE: Final = 431

_COME_BACK: Final = {
    b"content-type": b"application/json",
    b"connection": b"close",
    b"retry-after": b"1",
    b"retry-after-ms": b"1000",
}
"""Headers of a refusal that may be over in a second."""

Refused = Callable[[RerankerError, int], None]
"""Called for a request that was refused before it became one, with the error and the status that was answered."""


class PatientProtocol(H11Protocol):
    """Closes connections that do not finish in time: their headers, a body that was answered early, or an answer.

    uvicorn times idle connections only after their first answer; one that sends nothing, or a header a minute, would
    be held for ever, and so would one that was refused at once and goes on sending a byte of its body now and then.
    One that does not read its answer would be held for ever too, with the answer, and keep the process from ending.
    Subclasses made by `protocol_with_limits` set the limits.
    """

    header_timeout_s: float = 10.0
    """Longest time in seconds from the connection, or a request's first byte, to the end of its headers."""

    body_timeout_s: float = 30.0
    """Longest time in seconds from an answer to the end of the body that it did not wait for, and for a client to take
    an answer."""

    max_connections: int = 4_096
    """Most connections of a listener; requests on further ones are refused."""

    on_refused: Refused | None = None
    """Called for each refusal; the application never sees these requests."""

    _header_timer: asyncio.TimerHandle | None = None
    _rest_timer: asyncio.TimerHandle | None = None
    _taking_timer: asyncio.TimerHandle | None = None
    _connected_at: float = 0.0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn narrows it too
        super().connection_made(transport)
        self._connected_at = time.monotonic()
        beyond = len(self.connections) - self.max_connections
        if beyond > LINGERING_CONNECTIONS:
            # Each has a file open, and those are not for callers alone.
            transport.abort()
            if self.on_refused is not None:
                self.on_refused(self._too_many(), 0)
            return
        if beyond > 0:
            # Not closed at once: a client that is reset while it sends never learns why.
            self.app = self._refuse_for_number
        self._start_header_timer()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_header_timer()
        self._stop_rest_timer()
        self._stop_taking_timer()
        super().connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_taking_timer()

    @override
    def handle_events(self) -> None:
        if not self.transport.get_write_buffer_size():
            self._stop_taking_timer()
        super().handle_events()
        if self.scope is not None:
            # The application's task has been made, but it runs only after this.
            self.scope[CONNECTED_AT] = self._connected_at  # type: ignore[typeddict-unknown-key] # an extension
            self._close_after_two_lengths()
        if self.conn.their_state is not h11.IDLE:
            self._stop_header_timer()
        elif self.conn.trailing_data[0]:
            self._start_header_timer()
        if self.conn.their_state is not h11.SEND_BODY:
            self._stop_rest_timer()
        self._start_idle_timer()

    def _close_after_two_lengths(self) -> None:
        """Keep no connection whose body had two lengths: a proxy may have believed the other one (RFC 9112, 6.1)."""
        names = {name for name, _ in self.headers}
        if names >= {b"content-length", b"transfer-encoding"} and CLOSE_HEADER not in self.headers:
            self.headers.append(CLOSE_HEADER)

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            # What waits may be too little to pause for, and keeps a connection that closes from being lost.
            self._start_taking_timer()
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self._rest_timer = self.loop.call_later(self.body_timeout_s, self.transport.close)

    @override
    def shutdown(self) -> None:
        """Let what was accepted be answered; called by uvicorn when the listener has closed."""
        # As in `_open_cycle`: uvicorn declares it as always there.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or self.conn.trailing_data[0]:
            # Its request is on the way, or here in part; closing now would reset it.
            self.loop.call_later(_LAST_REQUEST_S, self._shut_down)
        else:
            self._shut_down()

    def _shut_down(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    @override
    def _should_upgrade(self) -> bool:
        # Every offer to upgrade is declined by answering as if it had not been made.
        return False

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; called by uvicorn where h11 raised."""
        cycle = self._open_cycle()
        if cycle is not None and not cycle.more_body:
            # A later request on this connection is broken; the one before it still gets its answer.
            self.flow.pause_reading()
            return
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        raised = sys.exc_info()[1]
        status = raised.error_status_hint if isinstance(raised, h11.RemoteProtocolError) else MalformedRequest.status
        remedy = f"Headers may have {MAX_HEADER_BYTES} bytes in all." if status == _HEADERS_TOO_LARGE else ""
        # What h11 found wrong may be the rest of a body whose length was given too small: a text is never repeated.
        reason = str(raised).partition(": b")[0]
        self._refuse(MalformedRequest(f"This is not an HTTP/1.1 request: {reason}.", remedy=remedy), status)

    def _open_cycle(self) -> RequestResponseCycle | None:
        # uvicorn declares the cycle as always there; before the first request it is None.
        cycle: RequestResponseCycle | None = self.cycle
        return None if cycle is None or cycle.response_complete else cycle

    def _start_header_timer(self) -> None:
        # A timer that runs already keeps its start: the connection's patience covers its first request's headers.
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self.header_timeout_s, self._headers_timed_out)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _start_idle_timer(self) -> None:
        # uvicorn stops its own whenever something arrives, be it only the rest of a body that was answered already.
        is_idle = self.conn.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}
        is_timed = self._header_timer is not None or self.timeout_keep_alive_task is not None
        if is_idle and not is_timed and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _stop_rest_timer(self) -> None:
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None

    def _headers_timed_out(self) -> None:
        self._header_timer = None
        if self.transport.is_closing():
            return
        if self._open_cycle() is not None:
            self.transport.close()
            return
        message = f"The headers did not arrive within {self.header_timeout_s:g} s."
        remedy = "Send them faster, or raise the server's headerTimeoutS."
        self._refuse(RequestTimedOut(message, remedy=remedy), RequestTimedOut.status)

    def _start_taking_timer(self) -> None:
        # Taking a little now and then does not start it anew: the patience covers the whole answer.
        if self._taking_timer is None:
            self._taking_timer = self.loop.call_later(self.body_timeout_s, self._give_up_answer)

    def _stop_taking_timer(self) -> None:
        if self._taking_timer is not None:
            self._taking_timer.cancel()
            self._taking_timer = None

    def _give_up_answer(self) -> None:
        self._taking_timer = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _too_many(self) -> TooManyConnections:
        return TooManyConnections(
            f"The server holds {self.max_connections} connections, which is its limit.",
            remedy="Close idle ones, ask another replica, or raise the server's maxConnections.",
        )

    async def _refuse_for_number(self, _scope: Scope, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer in the application's place; the ASGI callable."""
        error = self._too_many()
        body = json.dumps(error.as_keys()).encode()
        headers = {b"x-error-code": error.code.encode(), b"content-length": str(len(body)).encode(), **_COME_BACK}
        await send({"type": "http.response.start", "status": error.status, "headers": list(headers.items())})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        if self.on_refused is not None:
            self.on_refused(error, error.status)

    def _refuse(self, error: RerankerError, status: int) -> None:
        """Answer without the application and close."""
        body = json.dumps(error.as_keys()).encode()
        head = (
            f"HTTP/1.1 {status} {error.code}\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"x-error-code: {error.code}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
        if self.on_refused is not None:
            self.on_refused(error, status)


def protocol_with_limits(http: HttpSettings, on_refused: Refused) -> type[PatientProtocol]:
    """A protocol class with these limits; uvicorn makes its connections from a class, not a factory.

    Args:
        http: Patience for headers and bodies, and the most connections.
        on_refused: Called for each refusal.
    """
    attributes = {
        "header_timeout_s": http.header_timeout_s,
        "body_timeout_s": http.body_timeout_s,
        "max_connections": http.max_connections,
        "on_refused": staticmethod(on_refused),
    }
    return type("PatientProtocol", (PatientProtocol,), attributes)
