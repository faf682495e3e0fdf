"""Which dialect a request speaks, in the order in which that is settled."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from bge_reranker.api.dispatch import DIALECTS, ROUTES, candidates
from bge_reranker.errors import AmbiguousDialect
from bge_reranker.settings import DialectName
from tests.live.server import LiveServer

CASES: dict[str, tuple[str, str | None, dict[str, Any], str]] = {
    "a name wins over route and keys": ("/v2/rerank", "tei", {"documents": ["a"]}, "tei"),
    "a family on a route of its own": ("/score", "vllm", {}, "vllm-score"),
    "a family on a shared route": ("/rerank", "vllm", {}, "vllm"),
    "cohere on its second route": ("/v2/rerank", "cohere", {}, "cohere-v2"),
    "cohere elsewhere": ("/v1/rerank", "cohere", {}, "cohere-v1"),
    "tei's predict": ("/predict", "tei", {}, "tei-predict"),
    "names in any case": ("/rerank", " SGLang ", {}, "sglang"),
    "the route of cohere 2": ("/v2/rerank", None, {"texts": ["a"]}, "cohere-v2"),
    "the route of cohere 2 with a vllm key": ("/v2/rerank", None, {"truncation_side": None}, "vllm"),
    "the route of ovms": ("/v3/rerank", None, {}, "ovms"),
    "the routes of nim": ("/ranking", None, {"documents": ["a"]}, "nim"),
    "candidates": ("/rerank", None, {"candidates": ["a"]}, "native"),
    "requests": ("/rerank", None, {"requests": [1]}, "native"),
    "texts": ("/v1/rerank", None, {"texts": ["a"]}, "tei"),
    "passages": ("/v1/reranking", None, {"passages": []}, "nim"),
    "input": ("/v1/reranking", None, {"input": []}, "mixedbread"),
    "property": ("/rerank", None, {"documents": [], "property": None}, "weaviate"),
    "truncation": ("/rerank", None, {"documents": [], "truncation": True, "top_n": 1}, "voyage"),
    "top_k alone, though null": ("/rerank", None, {"documents": [], "top_k": None}, "voyage"),
    "top_k beside top_n": ("/rerank", None, {"documents": [], "top_k": 1, "top_n": 1}, "jina"),
    "a vllm key": ("/rerank", None, {"documents": [], "use_activation": False}, "vllm"),
    "a cohere 1 key": ("/rerank", None, {"documents": [], "rank_fields": ["text"]}, "cohere-v1"),
    "nothing beside documents": ("/rerank", None, {"documents": []}, "jina"),
    "a null key does not count": ("/rerank", None, {"documents": [], "texts": None}, "jina"),
}


@pytest.mark.parametrize(("route", "asked", "body", "name"), CASES.values(), ids=CASES.keys())
def test_a_request_speaks_the_dialect_that_its_place_and_keys_tell(
    route: str, asked: str | None, body: dict[str, Any], name: str
) -> None:
    assert candidates(route, asked).settle(body).name == name


@pytest.mark.parametrize("body", [{"texts": [], "documents": []}, {"query": "q"}], ids=["two keys", "no key"])
def test_a_body_that_could_be_two_dialects_or_none_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(AmbiguousDialect):
        candidates("/rerank", None).settle(body)


def test_two_document_keys_are_both_named(server: LiveServer) -> None:
    answer = server.post({"query": "q", "texts": ["a"], "documents": ["b"]})
    assert answer.status_code == 422
    assert "`texts` and `documents`" in answer.json()["message"]


def test_settings_and_dispatch_know_the_same_dialects() -> None:
    assert tuple(DIALECTS) == get_args(DialectName)
    assert all(name in DIALECTS for names in ROUTES.values() for name in names)


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_answers_its_own_example_under_prefix_and_header(server: LiveServer, name: str) -> None:
    dialect = DIALECTS[name]
    by_prefix = server.post(dialect.example, path=f"/dialects/{name}{dialect.routes[0]}")
    by_header = server.post(dialect.example, headers={"X-Rerank-Dialect": name})
    assert (by_prefix.status_code, by_header.status_code) == (200, 200), by_prefix.text + by_header.text
    plain = server.post(dialect.example, path=dialect.routes[0])
    assert plain.status_code == 200


def test_an_unknown_prefix_is_404_naming_the_known_ones(server: LiveServer) -> None:
    answer = server.post({"query": "q"}, path="/dialects/klingon/rerank")
    assert (answer.status_code, answer.json()["code"]) == (404, "RouteNotFound")
    assert "weaviate" in answer.json()["message"]


def test_probes_answer_under_a_prefix_too(server: LiveServer) -> None:
    assert server.post({"inputs": "good"}, path="/dialects/tei/tokenize").status_code == 200
