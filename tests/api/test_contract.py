"""The eight rules that let one server satisfy every client, one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bge_reranker.api.dispatch import DIALECTS
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


NAMED = {
    name: (f"/dialects/{name}{dialect.route}", dialect.example | {"model": "other"})
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


def test_native_answers_several_queries_at_once(server: LiveServer) -> None:
    requests = [
        {"query": "q", "candidates": ["bad", "good"]},
        {"query": "good", "candidates": ["a", {"id": 7, "text": "good"}, "bad"], "top_n": 2},
    ]
    answer = server.post({"requests": requests, "raw_scores": True}).json()
    first, second = answer["responses"]
    assert first["ranked_candidates"] == ["good", "bad"]
    assert [(result["index"], result["score"]) for result in second["results"]] == [(1, 2.0), (0, 1.0)]
    assert second["results"][0]["id"] == 7
    assert answer["usage"]["total_tokens"] == 5 * 6


def test_native_takes_a_top_n_beside_the_requests_for_those_that_have_none(server: LiveServer) -> None:
    requests = [
        {"query": "q", "candidates": ["a", "good", "bad"]},
        {"query": "q", "candidates": ["a", "good", "bad"], "top_n": 2},
    ]
    first, second = server.post({"requests": requests, "top_n": 1}).json()["responses"]
    assert (first["ranked_candidates"], second["ranked_candidates"]) == (["good"], ["good", "a"])


ASKED_NATIVE = {"query": "q", "candidates": ["a"]}
WRONG_REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({"requests": []}, "`requests` is empty. Send at least one request."),
    "no object": ({"requests": [ASKED_NATIVE, 7]}, "`requests[1]` must be an object, not a number."),
    "no query": ({"requests": [{"candidates": ["a"]}]}, "`requests[0].query` is missing."),
    "a bad candidate": (
        {"requests": [ASKED_NATIVE, {"query": "q", "candidates": ["a", 7]}]},
        "`requests[1].candidates[1]` must be a string",
    ),
    "no candidates": ({"requests": [{"query": "q", "candidates": []}]}, "`requests[0].candidates` is empty."),
    "a bad number": ({"requests": [ASKED_NATIVE | {"top_n": 0}]}, "`requests[0].top_n` is 0"),
    "an option inside": (
        {"requests": [ASKED_NATIVE | {"raw_scores": True}]},
        "`requests[0].raw_scores` counts for all requests. Put `raw_scores` beside `requests`.",
    ),
    "a query beside": ({"requests": [ASKED_NATIVE], "query": "q"}, "`query` stands beside `requests`."),
}


@pytest.mark.parametrize(("body", "words"), WRONG_REQUESTS.values(), ids=WRONG_REQUESTS.keys())
def test_native_names_the_place_of_what_is_wrong_in_one_of_several_requests(
    server: LiveServer, body: dict[str, Any], words: str
) -> None:
    answer = server.post(body)
    assert answer.status_code == 422
    assert words in answer.json()["message"]


def test_native_counts_the_candidates_of_all_queries(server: LiveServer) -> None:
    answer = server.post({"requests": [{"query": "q", "candidates": ["a"] * 3_000}] * 2})
    assert (answer.status_code, answer.json()["code"]) == (422, "TooManyDocuments")


def test_native_gives_ids_and_metadata_back(server: LiveServer) -> None:
    candidates = [{"id": "a", "text": "bad", "metadata": {"page": 1}}, {"text": "good", "metadata": None}, "plain"]
    results = server.post({"query": "q", "candidates": candidates}).json()["results"]
    assert [result["text"] for result in results] == ["good", "plain", "bad"]
    assert (results[0]["metadata"], "id" in results[0], "metadata" in results[1]) == (None, False, False)
    assert (results[2]["id"], results[2]["metadata"]) == ("a", {"page": 1})


def test_metadata_too_deep_to_be_written_is_refused(server: LiveServer) -> None:
    metadata: Any = 1
    for _ in range(500):
        metadata = [metadata]
    answer = server.post({"query": "q", "candidates": [{"text": "a", "metadata": metadata}]})
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidField")


@pytest.mark.parametrize("number", [2**64 - 1, 2**64, 10**40, -(2**63), -(2**63) - 1], ids=str)
@pytest.mark.parametrize("text", ["good", "\ud800"], ids=["plain", "a lone surrogate"])
def test_numbers_of_any_size_that_came_with_a_document_go_back_digit_by_digit(
    server: LiveServer, number: int, text: str
) -> None:
    content = json.dumps({"query": "q", "candidates": [{"text": text, "id": number, "metadata": [{"a": number}]}]})
    result = httpx.post(server.url + "/rerank", content=content.encode()).json()["results"][0]
    assert (result["id"], result["metadata"]) == (number, [{"a": number}])
    body = {"query": "q", "documents": [{"text": "good", "id": number}], "return_documents": True}
    assert server.post(body).json()["results"][0]["document"]["id"] == number


def test_a_number_of_more_digits_than_can_be_read_is_refused_naming_the_limit(server: LiveServer) -> None:
    content = b'{"query": "q", "candidates": [{"text": "a", "id": %s}]}' % (b"9" * 5_000)
    answer = httpx.post(server.url + "/rerank", content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidBody")
    assert "5000 digits; the limit is 4300" in answer.json()["message"]


def test_a_field_that_needs_more_than_64_bits_is_refused_by_name(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["a"], "top_n": 10**30})
    assert (answer.status_code, answer.json()["message"]) == (
        422,
        "`top_n` needs more than 64 bits. Send a smaller number.",
    )


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


def test_a_returned_document_keeps_its_own_text_whatever_was_read_of_it(server: LiveServer) -> None:
    documents = [{"title": "good", "text": "bad"}, {"title": "bad"}]
    body = {"query": "q", "documents": documents, "rank_fields": ["title"], "return_documents": True}
    results = server.post(body, path="/v1/rerank").json()["results"]
    assert [result["document"] for result in results] == [documents[0], {"title": "bad", "text": "bad"}]
