"""The OpenAPI document, as a reader of `/docs` finds it."""

from __future__ import annotations

import json

import httpx

from bge_reranker.api.dispatch import DIALECTS
from tests.live.server import LiveServer


def test_the_specification_has_an_example_of_every_dialect_and_names_no_other_place(server: LiveServer) -> None:
    text = httpx.get(server.url + "/openapi.json").text
    paths = json.loads(text)["paths"]
    prefixed = [path for path in paths if path.startswith("/dialects/")]
    assert len(prefixed) == len(DIALECTS)
    for path in prefixed:
        assert paths[path]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert "://" not in text


def test_the_specification_names_headers_groups_and_the_wrong_method_everywhere(server: LiveServer) -> None:
    document = httpx.get(server.url + "/openapi.json").json()
    groups = {tag["name"] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert set(operation["tags"]) <= groups, path
            assert "Allow" in operation["responses"]["405"]["headers"], path
            for status, response in operation["responses"].items():
                assert "X-Model-Digest" in response["headers"], path
                assert ("Retry-After" in response["headers"]) == (status in {"429", "503"}), path
    ranking = document["paths"]["/rerank"]["post"]["parameters"]
    assert "sglang" in ranking[0]["schema"]["enum"]
    assert document["components"]["parameters"]["Deadline"]["name"] == "X-Request-Deadline-Ms"
    assert "/v1/retrieval/{name}/reranking" in document["paths"]
