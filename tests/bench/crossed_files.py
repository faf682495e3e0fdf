"""Counts the files of the package that one native request crosses: `python -m tests.bench.crossed_files`."""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import bge_reranker
from tests.live.server import LiveServer, live_server

PACKAGE = Path(bge_reranker.__file__).parent
BODY = {"query": "q", "candidates": ["bad", "good"]}


class Trace:
    """Files of the package in which a function was called, in any thread, while it records."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self._is_recording = False

    def on_event(self, frame: FrameType, event: str, _argument: Any) -> None:
        """Note a call; what `sys.setprofile` calls."""
        if self._is_recording and event == "call" and frame.f_code.co_filename.startswith(str(PACKAGE)):
            self.files.add(frame.f_code.co_filename)

    def record(self, server: LiveServer) -> None:
        """Record one request, after one like it: what happens only once is no part of an exchange."""
        assert server.post(BODY).status_code == 200
        self._is_recording = True
        assert server.post(BODY).status_code == 200
        # It is counted and logged right after its answer has left.
        server.post(BODY)
        self._is_recording = False


def crossed_files() -> list[str]:
    """The files, relative to the package."""
    trace = Trace()
    before = threading.getprofile()
    threading.setprofile(trace.on_event)
    try:
        with tempfile.TemporaryDirectory() as folder, live_server(Path(folder)) as server:
            trace.record(server)
    finally:
        threading.setprofile(before)
    return sorted(str(Path(name).relative_to(PACKAGE)) for name in trace.files)


if __name__ == "__main__":
    files = crossed_files()
    print("\n".join(files))  # noqa: T201 - what it is for
    print(f"{len(files)} files of the package are crossed by one native request")  # noqa: T201 - what it is for
    sys.exit(0)
