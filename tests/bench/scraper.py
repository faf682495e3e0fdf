"""`python -m tests.bench.scraper ADDRESS RATE`: scrapes so many times a second until it is ended.

A process of its own, on a bare socket: what it costs is not to be taken for what the server costs.
"""

from __future__ import annotations

import re
import socket
import sys
import time
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_REQUEST = b"GET /metrics HTTP/1.1\r\nHost: server\r\nAccept: application/openmetrics-text\r\n\r\n"


def scrape(connection: socket.socket) -> None:
    """Ask once and read the whole answer."""
    connection.sendall(_REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if b" 200 " not in head or length is None:
        raise RuntimeError(f"the server answered {head[:100]!r}")
    while len(body) < int(length[1]):
        body += connection.recv(65_536)


def main(address: str, rate: float) -> None:
    """Scrape for ever, over connections that the server may close from time to time."""
    url, due = urlsplit(address), time.monotonic()
    while True:
        with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
            for _ in range(int(60 * rate)):
                time.sleep(max(0.0, due - time.monotonic()))
                scrape(connection)
                due += 1 / rate


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
