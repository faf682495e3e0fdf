"""A server of pictures on a socket of its own, and of everything that a fetcher must not fall for."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

from .tiny import file_of, picture

PICTURE = file_of(picture(1))


class _Answers(BaseHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if not self.headers.get("User-Agent"):
            self._answer(403, b"")
        elif self.path.startswith("/picture"):
            self._answer(200, PICTURE)
        elif self.path == "/large":
            self._answer(200, bytes(20_000))
        elif self.path == "/short":
            self._answer(200, PICTURE, announced=len(PICTURE) + 1)
            self.close_connection = True
        elif self.path == "/inside":
            self._answer(302, b"", "http://inside.test/secret")
        elif self.path == "/moved":
            self._answer(301, b"", "/picture")
        elif self.path == "/downgraded":
            self._answer(302, b"", "http://localhost/picture")
        elif self.path == "/round":
            self._answer(302, b"", "/round")
        elif self.path in ("/drops-of-body", "/drops-of-headers"):
            self._drip(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if self.path == "/drops-of-body" else b"X-More: "))
        else:
            self._answer(404, b"")

    def _answer(self, status: int, content: bytes, location: str = "", announced: int | None = None) -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(content) if announced is None else announced))
        self.end_headers()
        self.wfile.write(content)

    def _drip(self, head: bytes) -> None:
        """Send byte after byte for as long as somebody reads."""
        try:
            self.wfile.write(head)
            while True:
                self.wfile.write(b"x")
        except OSError:
            self.close_connection = True


@contextmanager
def picture_server(certificate: Path | None = None) -> Iterator[int]:
    """Serve on a free port of 127.0.0.1 until the block ends; gives the port.

    Args:
        certificate: PEM file with certificate and key, by which it speaks TLS.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
