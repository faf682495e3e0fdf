"""A reverse proxy that serves another server below a path, as an ingress does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from typing_extensions import override

from tests.live.server import WAIT_S

_OWN = {"connection", "content-length", "date", "server", "transfer-encoding", "content-encoding"}
"""Headers of an answer that each server writes by itself."""


@contextmanager
def proxied(upstream: str, below: str) -> Iterator[str]:
    """Serve what `upstream` answers below the path `below`; gives the address of its top, which ends in a slash."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on("GET")

        def do_POST(self) -> None:
            self._pass_on("POST")

        def _pass_on(self, method: str) -> None:
            if not self.path.startswith(below + "/"):
                self.send_error(404)
                return
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", *_OWN}}
            answer = httpx.request(
                method, upstream + self.path.removeprefix(below), content=content, headers=headers, timeout=WAIT_S
            )
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in _OWN:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        @override
        def log_message(self, *_args: object) -> None:
            """Nothing: a test reads no log of it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{below}/"
    finally:
        server.shutdown()
        thread.join(WAIT_S)
        server.server_close()
