"""An HTTP server of files with ranges and ETags, which misbehaves as it is told."""

from __future__ import annotations

import hashlib
import re
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from typing_extensions import override

RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Faults:
    """What goes wrong; counts go down with each request that they spoil."""

    statuses: list[int] = field(default_factory=list)
    """Statuses of the next requests for bytes, before any is answered rightly."""
    retry_after: str | None = None
    cut_after_bytes: list[int] = field(default_factory=list)
    """Bytes after which the next answers end, though more were announced."""
    wrong_bytes: int = 0
    """Answers in which a byte is another."""
    ignores_ranges: bool = False
    bytes_per_piece: int = 65_536
    """Bytes between two looks at the gate."""
    gate: threading.Event = field(default_factory=threading.Event)
    """While clear, no more than a piece is sent."""
    pause_s: float = 0.0
    """Seconds that each piece takes."""

    def __post_init__(self) -> None:
        self.gate.set()


class FaultyServer:
    """Serves bytes by path."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.answers: list[Callable[[Handler], bool]] = []
        """Tried before the files: each may answer a request and say so."""
        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.scheme = "http"
        self._server.owner = self  # type: ignore[attr-defined]  # how a handler finds us

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def encrypt(self, certificate: Path) -> None:
        """Speak https from now on, with a certificate and its key."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.scheme = "https"

    def paths(self, method: str = "GET") -> list[str]:
        return [asked.path for asked in self.asked if asked.method == method]

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            self.faults.gate.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def etag_of(content: bytes) -> str:
    """What this server calls these bytes."""
    return hashlib.sha256(content).hexdigest()[:16]


class _QuietServer(ThreadingHTTPServer):
    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients that are killed hang up without a word; anything else is a defect of the test.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def owner(self) -> FaultyServer:
        return self.server.owner  # type: ignore[attr-defined,no-any-return]  # put there by FaultyServer

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.owner.asked.append(Asked(self.command, path, {k.lower(): v for k, v in self.headers.items()}))
        if any(answer(self) for answer in self.owner.answers):
            return
        content = self.owner.files.get(path)
        if content is None:
            self.send_plain(404)
        else:
            self.send_content(content)

    def send_plain(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_content(self, content: bytes) -> None:
        faults = self.owner.faults
        if faults.statuses:
            self.send_plain(faults.statuses.pop(0), Retry_After=faults.retry_after or "0")
            return
        asked = RANGE.fullmatch(self.headers.get("Range", "")) if not faults.ignores_ranges else None
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2]) + 1 if asked and asked[2] else len(content), len(content))
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{etag_of(content)}"')
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        body = content[start:end]
        if faults.wrong_bytes and len(body) > 1:
            faults.wrong_bytes -= 1
            body = bytes([body[0] ^ 1]) + body[1:]
        self._send_body(body)

    def _send_body(self, body: bytes) -> None:
        faults = self.owner.faults
        if len(body) > 1 and faults.cut_after_bytes:
            body = body[: faults.cut_after_bytes.pop(0)]
            self.close_connection = True
        try:
            for start in range(0, len(body), faults.bytes_per_piece):
                faults.gate.wait(60)
                if faults.pause_s:
                    threading.Event().wait(faults.pause_s)
                self.wfile.write(body[start : start + faults.bytes_per_piece])
        except (BrokenPipeError, ConnectionResetError):
            # The client was killed.
            self.close_connection = True
