"""The last resort: what nobody foresaw is answered as every error is, and logged without any text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.live.scripted_scorer import PANIC
from tests.live.server import LiveServer

from .test_patience import eventually

ID = {"X-Request-Id": "abc-123"}


def lines(server: LiveServer, event: str) -> list[dict[str, Any]]:
    """What the log says of the request with `ID`."""
    said = [json.loads(line) for line in server.log.getvalue().splitlines()]
    return [line for line in said if line["event"] == event and line.get("request_id") == ID["X-Request-Id"]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/rerank", {"query": f"secret {PANIC}", "candidates": ["good"]}),
        # Large enough for a thread.
        ("/rerank", {"query": f"secret {PANIC}", "candidates": ["good"] * 300}),
        ("/tokenize", {"inputs": f"secret {PANIC}"}),
    ],
)
def test_a_panic_of_the_tokenizer_is_answered_and_logged_under_the_requests_id(
    server: LiveServer, path: str, body: dict[str, Any]
) -> None:
    answer = server.post(body, path=path, headers=ID)
    assert (answer.status_code, answer.json()["code"]) == (500, "InternalError")
    assert answer.headers["x-request-id"] == ID["X-Request-Id"]
    assert "under the id abc-123" in answer.json()["message"]
    assert eventually(lambda: bool(lines(server, "request_failed")))
    (line,) = lines(server, "request_failed")[-1:]
    assert line["exception"] == "PanicException"
    assert (line["level"], line["status"], line["code"]) == ("error", 500, "InternalError")
    assert lines(server, "request") == []
    assert "encode" in line["trace"]
    assert "secret" not in server.log.getvalue()
    assert "Onig" not in server.log.getvalue()
    assert server.is_well()


def test_an_exception_that_nobody_foresaw_is_answered_in_the_words_of_the_dialect(fresh_server: LiveServer) -> None:
    assert fresh_server.state.model is not None
    broken: Any = None
    fresh_server.state.model = replace(fresh_server.state.model, ranker=broken)
    body = {"query": "q", "documents": ["secret"]}
    answer = fresh_server.post(body, path="/dialects/vllm/rerank", headers=ID)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-error-code"] == "InternalError"
    assert answer.headers["x-request-id"] == ID["X-Request-Id"]
    assert answer.json()["error"]["code"] == 500
    assert eventually(lambda: bool(lines(fresh_server, "request_failed")))
    assert lines(fresh_server, "request_failed")[0]["exception"] == "AttributeError"
    assert 'code="InternalError"} 1.0' in httpx.get(fresh_server.management_url + "/metrics").text


def test_an_exception_of_a_probe_is_answered_as_json(fresh_server: LiveServer) -> None:
    assert fresh_server.state.model is not None
    broken: Any = None
    fresh_server.state.model = replace(fresh_server.state.model, capacity=broken)
    for url in (fresh_server.url, fresh_server.management_url):
        answer = httpx.get(url + "/info", headers=ID)
        assert (answer.status_code, answer.headers["x-request-id"]) == (500, "abc-123")
