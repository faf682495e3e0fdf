"""The eight rules that let one server satisfy every client, one by one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.server import LiveServer, live_server

ASKED = {"query": "q", "documents": ["bad", "good"]}
OBJECT_ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "native": ("/rerank", {"query": "q", "candidates": ["a"]}),
    "native, several": ("/rerank", {"requests": [{"query": "q", "candidates": ["a"]}]}),
    "jina": ("/v1/rerank", ASKED),
    "cohere 2": ("/v2/rerank", ASKED),
    "ovms": ("/v3/rerank", ASKED),
    "vllm": ("/rerank", ASKED | {"truncation_side": "right"}),
    "vllm score": ("/score", {"text_1": "q", "text_2": "a"}),
    "nim": ("/v1/ranking", {"query": "q", "passages": ["a"]}),
    "voyage": ("/v1/rerank", ASKED | {"top_k": 1}),
    "mixedbread": ("/v1/reranking", {"query": "q", "input": ["a"]}),
    "weaviate": ("/rerank", ASKED | {"property": ""}),
    "infinity": ("/dialects/infinity/rerank", ASKED),
    "llama.cpp": ("/dialects/llamacpp/rerank", ASKED),
    "pinecone": ("/dialects/pinecone/rerank", ASKED),
    "sagemaker": ("/invocations", {"text_pairs": [["q", "a"]]}),
}


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/reranking", "/v1/reranking", "/", "/invocations"])
@pytest.mark.parametrize(
    ("key", "found"),
    [("candidates", "ranked_candidates"), ("documents", "results"), ("input", "data"), ("passages", "rankings")],
)
def test_rule_1_the_key_of_the_documents_settles_the_answer_on_every_shared_route(
    server: LiveServer, path: str, key: str, found: str
) -> None:
    assert found in server.post({"query": "q", key: ["a"]}, path=path).json()


@pytest.mark.parametrize(
    "path",
    "/info /health /ping /v1/models /models /meta /.well-known/ready /.well-known/live /v1/health/live "
    "/v1/health/ready /v2/health/ready /v2/models/any/org/ready /v1/metrics /metrics /".split(),
)
def test_rule_1_every_probe_of_every_family_is_answered(server: LiveServer, path: str) -> None:
    assert httpx.get(server.url + path).status_code == 200
    assert httpx.head(server.url + path).status_code == 200


def test_rule_1_nim_says_what_it_says(server: LiveServer) -> None:
    answer = httpx.get(server.url + "/v1/health/ready").json()
    assert answer == {"object": "health.response", "message": "Service is ready.", "status": "ready"}


@pytest.mark.parametrize(
    "extra",
    [
        {"unknown": {"deep": [1]}},
        {"top_n": None, "max_tokens_per_doc": None, "return_documents": None, "model": None},
        {"top_n": 0},
        {"top_n": -1},
        {"top_n": 99},
        {"return_documents": "False"},
        {"documents": [{"text": "bad", "title": "t"}, "good"]},
        {"query": {"text": "q"}},
    ],
    ids=str,
)
def test_rule_2_parsing_is_tolerant(server: LiveServer, extra: dict[str, Any]) -> None:
    answer = server.post(ASKED | extra)
    assert [item["index"] for item in answer.json()["results"]] == [1, 0]


def test_rule_2_rank_fields_choose_what_of_an_object_is_read(server: LiveServer) -> None:
    documents = [{"title": "bad", "text": "good"}, {"title": "good", "body": "good"}]
    body = {"query": "q", "documents": documents, "rank_fields": ["title", "body"], "return_documents": True}
    best = server.post(body).json()["results"][0]
    assert (best["index"], best["document"]["title"], best["document"]["text"]) == (1, "good", "good\ngood")


def test_rule_2_rank_fields_that_hold_no_texts_are_read_as_json(server: LiveServer) -> None:
    # The words of the scripted scorer stand apart only where each value has a line of its own.
    documents = [{"title": "good", "tags": ["good"], "year": 2**70, "body": "good", "none": None}, {"title": "bad"}]
    fields = ["title", "year", "body", "none"]
    body = {"query": "q", "documents": documents, "rank_fields": fields, "raw_scores": True}
    answer = server.post(body, path="/v1/rerank").json()
    assert answer["results"][0] == {"index": 0, "relevance_score": 2.0}
    assert answer["usage"]["total_tokens"] == (5 + 3) + (5 + 1)
    voyage = server.post(body | {"top_k": 1, "truncation": True, "return_documents": True}).json()
    assert voyage["data"][0]["document"] == f"good\n{2**70}\ngood"


@pytest.mark.parametrize("document", [{"other": 1}, {"title": None}], ids=str)
def test_rule_2_an_object_with_nothing_under_the_rank_fields_is_refused_by_name(
    server: LiveServer, document: dict[str, Any]
) -> None:
    answer = server.post({"query": "q", "documents": ["a", document], "rank_fields": ["title"]})
    assert answer.status_code == 422
    assert "`documents[1]`" in answer.json()["message"]


def test_rule_3_document_is_absent_unless_asked_for_and_then_an_object(server: LiveServer) -> None:
    assert "document" not in server.post(ASKED).json()["results"][0]
    assert server.post(ASKED | {"return_documents": True}).json()["results"][0]["document"] == {"text": "good"}
    voyage = server.post(ASKED | {"top_k": 1, "return_documents": True}).json()
    assert voyage["data"][0]["document"] == "good"


@pytest.mark.parametrize("raw", [True, False], ids=["logits", "sigmoids"])
def test_rule_4_scores_are_short_finite_and_have_a_point_or_an_exponent(server: LiveServer, *, raw: bool) -> None:
    documents = ["good " * n for n in range(1, 50)] + ["bad " * n for n in range(1, 50)] + ["nan"]
    text = server.post({"query": "q", "documents": documents, "raw_scores": raw}, path="/v1/rerank").text
    literals = re.findall(r'"relevance_score":([^,}]+)', text)
    assert len(literals) == 98
    assert all(re.fullmatch(r"-?\d+(\.\d+(e-?\d+)?|e-?\d+)", literal) for literal in literals), literals
    assert max(map(len, literals)) <= 18


@pytest.mark.parametrize(("path", "body"), OBJECT_ANSWERS.values(), ids=OBJECT_ANSWERS.keys())
def test_rule_5_every_object_has_id_model_object_usage_and_meta(
    server: LiveServer, path: str, body: dict[str, Any]
) -> None:
    answer = server.post(body | {"model": "mine"}, path=path, headers={"X-Request-Id": "id-1"}).json()
    assert (answer["id"], answer["object"] in {"rerank", "list"}) == ("id-1", True)
    assert answer["model"] in {"mine", "scripted"}
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > 0
    assert set(answer["meta"]) == {"api_version", "billed_units", "tokens"}
    assert answer["meta"]["billed_units"] == {"search_units": 1}


def test_rule_6_errors_are_texts_except_where_only_clients_of_objects_call(server: LiveServer) -> None:
    flat = server.post({"query": "q", "documents": []}, path="/v1/rerank").json()
    assert flat["error"] == flat["message"] == flat["detail"]
    assert flat["error_type"] == flat["code"] == "EmptyField"
    nested = server.post({"text_1": "q", "text_2": []}, path="/v1/score").json()
    assert set(nested["error"]) == {"message", "type", "param", "code"}
    by_name = server.post({"query": "q", "documents": []}, path="/dialects/vllm/v1/rerank").json()
    assert by_name["error"]["code"] == 400


def test_rule_7_bytes_are_413_and_counts_are_not(tmp_path: Path) -> None:
    with live_server(tmp_path, {"max_body_bytes": 2_000, "max_documents": 3}) as server:
        assert server.post({"query": "q", "texts": ["x" * 3_000]}).status_code == 413
        assert server.post({"query": "q", "texts": ["a"] * 4}).status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer key"},
        {"Authorization": "key"},
        {"Authorization": ""},
        {"Api-Key": "key"},
        {"X-API-Key": "key"},
    ],
    ids=str,
)
def test_rule_8_any_key_or_none_will_do_while_nobody_checks_keys(server: LiveServer, headers: dict[str, str]) -> None:
    assert server.post(ASKED, headers=headers).status_code == 200


def test_ten_thousand_documents_are_taken_in_any_dialect(tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        answer = server.post({"query": "q", "texts": ["good", "bad"] * 5_000})
        assert len(answer.json()) == 10_000


def test_tei_tokenises_and_decodes(server: LiveServer) -> None:
    (tokens,) = server.post({"inputs": "good bad"}, path="/tokenize").json()
    assert [token["text"] for token in tokens if not token["special"]] == ["good", "bad"]
    assert [(token["start"], token["stop"]) for token in tokens if not token["special"]] == [(0, 4), (5, 8)]
    ids = [token["id"] for token in tokens if not token["special"]]
    assert server.post({"ids": ids}, path="/decode").json() == ["good bad"]
    plain = server.post({"inputs": ["good"], "add_special_tokens": False}, path="/tokenize").json()
    assert len(plain[0]) == 1


def test_ovms_tokenises_one_text_or_several(server: LiveServer) -> None:
    one = server.post({"model": "m", "text": "good"}, path="/v3/tokenize").json()["tokens"]
    assert server.post({"text": ["good", "good"]}, path="/v3/tokenize").json()["tokens"] == [one, one]


@pytest.mark.parametrize(("path", "key"), [("/tokenize", "inputs"), ("/v3/tokenize", "text")])
@pytest.mark.parametrize("texts", ["a" * 500_001, ["a" * 250_000, "b" * 250_001]], ids=["one", "two"])
def test_texts_that_would_be_more_tokens_than_memory_bears_are_not_tokenised(
    server: LiveServer, path: str, key: str, texts: str | list[str]
) -> None:
    refused = server.post({key: texts}, path=path)
    assert (refused.status_code, refused.json()["code"]) == (400 if "v3" in path else 422, "InvalidField")
    assert f"`{key}` has 500001 characters; the limit is 500000. Send fewer" in refused.text


def test_a_returned_document_keeps_its_own_text_whatever_was_read_of_it(server: LiveServer) -> None:
    documents = [{"title": "good", "text": "bad"}, {"title": "bad"}]
    body = {"query": "q", "documents": documents, "rank_fields": ["title"], "return_documents": True}
    results = server.post(body, path="/v1/rerank").json()["results"]
    assert [result["document"] for result in results] == [documents[0], {"title": "bad", "text": "bad"}]


@pytest.mark.parametrize(
    ("path", "key", "asks", "given"),
    [
        ("/dialects/pinecone/rerank", "documents", "return_documents", "document"),
        ("/v1/reranking", "input", "return_input", "input"),
    ],
)
def test_an_object_without_a_text_goes_back_as_it_came(
    server: LiveServer, path: str, key: str, asks: str, given: str
) -> None:
    body = {"query": "q", key: [{"id": "1", "chunk": "good"}], "rank_fields": ["chunk"], asks: True}
    assert server.post(body, path=path).json()["data"][0][given] == {"id": "1", "chunk": "good"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"query": {"text": "q"}, "passages": [{"text": "a"}], "truncate": "START"}, "NONE, END"),
        ({"query": "q", "texts": ["a"], "truncation_direction": "up"}, "Right, Left"),
    ],
)
def test_a_wrong_word_is_answered_with_the_words_of_the_dialect(
    server: LiveServer, body: dict[str, Any], expected: str
) -> None:
    assert f"must be one of: {expected}." in server.post(body).json()["error"]


def test_older_elasticsearch_gets_tei_s_array_for_documents_where_tei_was_asked_for_by_name(server: LiveServer) -> None:
    body = {"query": "q", "documents": ["bad", "good"], "return_text": True}
    answer = server.post(body, path="/dialects/tei/rerank").json()
    assert [(item["index"], item["text"]) for item in answer] == [(1, "good"), (0, "bad")]


ROUTES_OF_COHERE = ("/v1/rerank", "/v2/rerank")


def test_a_family_may_be_the_default_dialect(tmp_path: Path) -> None:
    with live_server(tmp_path, {"default_dialect": "cohere"}) as server:
        body = {"query": "q", "documents": ["bad", "good"]}
        versions = [server.post(body, path=path).json()["meta"]["api_version"]["version"] for path in ROUTES_OF_COHERE]
        assert versions == ["1", "2"]
