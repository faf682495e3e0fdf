"""What the log says of requests: at most one line each, and not more lines than anybody reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.server import live_server

BODY = {"query": "q", "candidates": ["good", "bad"]}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def lines_of(text: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, text.splitlines()) if line["event"] == "request"]


def test_each_request_has_one_line_with_its_id_and_its_callers_trace(tmp_path: Path) -> None:
    with live_server(tmp_path, {"log_level": "info", "log_format": "json"}) as server:
        headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        answers = [server.post(BODY, headers=headers), server.post({}), server.post(BODY, path="/nowhere")]
        httpx.get(server.management_url + "/metrics")
    lines = lines_of(server.log.getvalue())
    assert [line["request_id"] for line in lines] == [answer.headers["x-request-id"] for answer in answers]
    assert [line["trace_id"] for line in lines] == [TRACE, None, None]
    assert [line["skipped"] for line in lines] == [0, 0, 0]


def test_lines_beyond_the_limit_are_left_out_and_counted(tmp_path: Path) -> None:
    flags = {"log_level": "info", "log_format": "json", "max_request_lines_per_s": 1}
    with live_server(tmp_path, flags) as server:
        for _ in range(20):
            server.post(BODY)
    written = len(lines_of(server.log.getvalue()))
    skipped = server.metrics.registry.get_sample_value("bge_reranker_log_lines_skipped_total")
    assert written >= 1
    assert written + (skipped or 0) == 20


@pytest.mark.parametrize("given", [b"a b", b"\xff\xfe", b"x" * 129, "ü".encode(), b"a\tb", b""])
def test_an_id_that_could_break_a_header_or_a_line_is_replaced(tmp_path: Path, given: bytes) -> None:
    with live_server(tmp_path) as server:
        answer = httpx.get(server.url + "/health", headers=[(b"X-Request-Id", given)])
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.headers["x-request-id"].isalnum()
