"""The model that a request names: echoed, or held against the served one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bge_reranker.api.dispatch import DIALECTS
from tests.live.server import LiveServer, live_server

ASKED = {"query": "q", "documents": ["bad", "good"]}
NAMED = {
    name: (f"/dialects/{name}{dialect.routes[0]}", dialect.example | {"model": "other"})
    for name, dialect in DIALECTS.items()
} | {
    "tokenize": ("/tokenize", {"inputs": "a", "model": "other"}),
    "decode": ("/decode", {"ids": [0], "model": "other"}),
    "tokenize of ovms": ("/v3/tokenize", {"text": "a", "model": "other"}),
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("strict"), {"strict_model_names": True}) as running:
        yield running


@pytest.mark.parametrize(("path", "body"), NAMED.values(), ids=NAMED.keys())
def test_a_strict_server_minds_the_model_in_every_body_that_names_one(
    strict: LiveServer, path: str, body: dict[str, Any]
) -> None:
    refused = strict.post(body, path=path)
    assert (refused.status_code, refused.json()["code"]) == (404, "ModelNotServed")
    assert strict.post(body | {"model": 7}, path=path).status_code == 404
    for served in ("scripted", "", None):
        assert strict.post(body | {"model": served}, path=path).status_code == 200


def test_an_empty_name_stands_for_the_served_model(server: LiveServer) -> None:
    assert server.post(ASKED | {"model": ""}).json()["model"] == "scripted"


def test_another_model_is_404_only_where_names_are_strict(tmp_path: Path, server: LiveServer) -> None:
    assert server.post(ASKED | {"model": "other"}).json()["model"] == "other"
    with live_server(tmp_path, {"strict_model_names": True}) as strict:
        refused = strict.post(ASKED | {"model": "other"})
        assert (refused.status_code, refused.json()["code"]) == (404, "ModelNotServed")
        assert strict.post(ASKED | {"model": "scripted"}).status_code == 200
        assert strict.post(ASKED).status_code == 200
        assert httpx.get(strict.url + "/v2/models/other/ready").status_code == 404
        assert httpx.get(strict.url + "/v1/models/scripted").status_code == 200


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank", "/dialects/vllm/v1/rerank"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\u0085", "\u2028"])
def test_a_name_of_several_lines_stays_out_of_the_headers(server: LiveServer, path: str, end: str) -> None:
    name = f"a{end}X-Injected: b{end}{end}"
    answer = server.post({"query": "q", "documents": ["a"], "model": name}, path=path)
    assert answer.status_code == 200
    assert "x-injected" not in answer.headers
    assert not any("Injected" in value for value in answer.headers.values())
