"""A live server whose queue stays full, for what a client makes of 429."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.server import WAIT_S, LiveServer, live_server

_FLAGS = {"max_batch_tokens": 64, "max_queue_tokens": 64, "deadline_s": 3_600}
"""A queue that one request fills, for as long as any client may take."""

_CONTENT = json.dumps({"query": "q", "candidates": ["good " * 50] * 4}).encode()
"""That request."""


@contextmanager
def full_server(folder: Path) -> Iterator[LiveServer]:
    """Serve with a full queue until the block ends."""
    with live_server(folder, _FLAGS) as server:
        server.scorer.gate.clear()
        server.scorer.computing.clear()
        with socket.create_connection(server.address) as first:
            head = b"POST /rerank HTTP/1.1\r\nHost: full\r\nContent-Length: %d\r\n\r\n" % len(_CONTENT)
            first.sendall(head + _CONTENT)
            assert server.scorer.computing.wait(WAIT_S), "the first request never reached the scorer"
            yield server
