"""Servers that are not what they should be: each answers every connection as its script says."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Script = Callable[[socket.socket, bytes], None]


@contextmanager
def answering(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Listen on 127.0.0.1 until the block ends.

    Args:
        script: Called with each connection and the head of its first request.
        tls: Wraps each connection; None for plain HTTP.
    """
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    connections.append(connection)
                    threading.Thread(target=_handle, args=(connection, script, tls), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    for connection in connections:
        connection.close()


def _handle(connection: socket.socket, script: Script, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        spoken = connection if tls is None else tls.wrap_socket(connection, server_side=True)
        script(spoken, spoken.recv(65_536))


def says(content: Any, status: str = "200 OK", **headers: str) -> Script:
    """One answer to everything."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        # Closed with a part of the request unread, it would take the answer back.
        while connection.recv(65_536):
            pass
        connection.close()

    return answer


def says_nothing(connection: socket.socket, _request: bytes) -> None:
    """Take the request and keep the connection."""
    connection.recv(1)


def drips(connection: socket.socket, _request: bytes) -> None:
    """Send a header without an end, byte by byte."""
    pause = threading.Event()
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not pause.wait(0.05):
        connection.sendall(b"a")
