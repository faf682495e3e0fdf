"""The HTTP/1.1 protocol with the patience limits that uvicorn's own lacks."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

CONNECTED_AT: Final = "bge_reranker.connected_at"
"""Key in the ASGI scope: monotonic second at which the connection was made."""

_TIMED_OUT: Final = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"x-error-code: RequestTimedOut\r\ncontent-length: %d\r\n\r\n%s"
)


class PatientProtocol(HttpToolsProtocol):
    """Closes connections that do not finish their headers in time.

    uvicorn times idle connections only after their first answer; one that sends nothing, or a header a minute, would
    be held for ever. Subclasses made by `protocol_with_timeout` set the limit.
    """

    header_timeout_s: float = 10.0
    """Longest time in seconds from the connection, or a request's first byte, to the end of its headers."""

    _header_timer: asyncio.TimerHandle | None = None
    _connected_at: float = 0.0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn narrows it too
        super().connection_made(transport)
        self._connected_at = time.monotonic()
        self._start_header_timer()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_header_timer()
        super().connection_lost(exc)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CONNECTED_AT] = self._connected_at  # type: ignore[typeddict-unknown-key] # scopes may carry extensions
        self._start_header_timer()

    @override
    def on_headers_complete(self) -> None:
        self._stop_header_timer()
        super().on_headers_complete()

    def _start_header_timer(self) -> None:
        # A timer that runs already keeps its start: the connection's patience covers its first request's headers.
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self.header_timeout_s, self._headers_timed_out)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _headers_timed_out(self) -> None:
        self._header_timer = None
        if self.transport.is_closing():
            return
        # uvicorn declares the cycle as always there; before the first request it is None.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            text = f"The headers did not arrive within {self.header_timeout_s:g} s."
            body = (
                b'{"error":"%(t)b","error_type":"RequestTimedOut","code":"RequestTimedOut","message":"%(t)b","detail":"%(t)b"}'
                % {b"t": text.encode()}
            )
            self.transport.write(_TIMED_OUT % (len(body), body))
        self.transport.close()


def protocol_with_timeout(header_timeout_s: float) -> type[PatientProtocol]:
    """A protocol class with this limit; uvicorn makes its connections from a class, not a factory.

    Args:
        header_timeout_s: Longest time in seconds to the end of the headers.
    """
    return type("PatientProtocol", (PatientProtocol,), {"header_timeout_s": header_timeout_s})
