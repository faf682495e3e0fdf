"""Every kind of bad body over a real socket: a clear error, never a 500, and the next request is well."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.live.scripted_scorer import PANIC, SECRET
from tests.live.server import LiveServer

from .test_patience import eventually

CASES: dict[str, tuple[Any, int, str, str]] = {
    "no query": ({"candidates": ["a"]}, 422, "InvalidField", "`query` is missing"),
    "empty query": ({"query": "", "candidates": ["a"]}, 422, "EmptyField", "`query` is empty"),
    "null query": ({"query": None, "candidates": ["a"]}, 422, "InvalidField", "`query` is missing"),
    "query is a number": ({"query": 7, "candidates": ["a"]}, 422, "InvalidField", "`query` must be a string"),
    "query is a list": ({"query": ["a"], "candidates": ["a"]}, 422, "InvalidField", "not a list"),
    "no documents": ({"query": "q"}, 422, "AmbiguousDialect", "holds no documents"),
    "empty documents": ({"query": "q", "candidates": []}, 422, "EmptyField", "`candidates` is empty"),
    "documents are a string": ({"query": "q", "candidates": "a"}, 422, "InvalidField", "must be a list"),
    "documents are an object": ({"query": "q", "candidates": {"a": 1}}, 422, "InvalidField", "must be a list"),
    "a number in the list": ({"query": "q", "candidates": ["a", 7]}, 422, "InvalidField", "`candidates[1]`"),
    "a null in the list": ({"query": "q", "candidates": [None]}, 422, "InvalidField", "not null"),
    "a list in the list": ({"query": "q", "candidates": [["a"]]}, 422, "InvalidField", "not a list"),
    "too many documents": ({"query": "q", "candidates": ["a"] * 100_000}, 422, "TooManyDocuments", "limit is 5000"),
    "two dialects": ({"query": "q", "candidates": ["a"], "texts": ["b"]}, 422, "AmbiguousDialect", "`candidates` and"),
    "top_n zero": ({"query": "q", "candidates": ["a"], "top_n": 0}, 422, "InvalidField", "at least 1"),
    "top_n negative": ({"query": "q", "candidates": ["a"], "top_n": -3}, 422, "InvalidField", "`top_n` is -3"),
    "top_n a string": ({"query": "q", "candidates": ["a"], "top_n": "3"}, 422, "InvalidField", "whole number"),
    "top_n a fraction": ({"query": "q", "candidates": ["a"], "top_n": 1.5}, 422, "InvalidField", "not 1.5"),
    "top_n true": ({"query": "q", "candidates": ["a"], "top_n": True}, 422, "InvalidField", "not a boolean"),
    "an unknown policy": (
        {"query": "q", "candidates": ["a"], "long_documents": "guess"},
        422,
        "InvalidField",
        "cut, windows_max, windows_mean, reject",
    ),
    "a body that is a list": ([1, 2], 422, "InvalidBody", "must be a JSON object"),
    "a body that is null": (None, 422, "InvalidBody", ""),
}


@pytest.mark.parametrize(("body", "status", "code", "words"), CASES.values(), ids=CASES.keys())
def test_server_answers_a_bad_body_with_a_named_error_and_stays_well(
    server: LiveServer, body: Any, status: int, code: str, words: str
) -> None:
    answer = server.post(body)
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code
    assert words in answer.json()["message"]
    assert set(answer.json()) >= {"error", "error_type", "message", "detail"}
    assert answer.headers["x-request-id"]
    assert server.is_well()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"query": }', b"\xff\xfe\xff", b'{"query": "q", "candidates": [NaN]}', b"[" * 100_000, b"\x00"],
    ids=["empty", "cut", "no value", "not UTF-8", "NaN", "deep", "NUL"],
)
def test_server_answers_broken_json_with_invalid_body(server: LiveServer, content: bytes) -> None:
    answer = httpx.post(server.url + "/rerank", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidBody")
    assert server.is_well()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "nonsense", ""])
def test_server_refuses_another_content_type_with_a_hint(server: LiveServer, kind: str) -> None:
    answer = httpx.post(server.url + "/rerank", content=b"{}", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "UnsupportedMediaType")
    assert "application/json" in answer.json()["message"]


def test_server_takes_json_without_a_content_type(server: LiveServer) -> None:
    answer = httpx.post(server.url + "/rerank", content=b'{"query":"q","candidates":["good"]}')
    assert answer.status_code == 200


@pytest.mark.parametrize("top_n", [None, 2, 99], ids=["null", "all", "more than there are"])
def test_top_n_gives_all_when_it_is_null_or_large(server: LiveServer, top_n: int | None) -> None:
    answer = server.post({"query": "q", "candidates": ["bad", "good"], "top_n": top_n})
    assert answer.json()["ranked_candidates"] == ["good", "bad"]


@pytest.mark.parametrize("text", ["\x00", "a\x00b\x01\x1f", "\u202e\ufeff", " ", "", "\U0010ffff"])
def test_odd_characters_are_scored_and_given_back_unchanged(server: LiveServer, text: str) -> None:
    answer = server.post({"query": text or "q", "candidates": [text, "good"]})
    assert answer.status_code == 200
    assert sorted(answer.json()["ranked_candidates"]) == sorted([text, "good"])


def test_a_lone_surrogate_becomes_the_replacement_character(server: LiveServer) -> None:
    content = rb'{"query": "q", "candidates": ["good \ud800", "\ud83d\ude00"]}'
    answer = httpx.post(server.url + "/rerank", content=content, headers={"Content-Type": "application/json"})
    assert answer.json()["ranked_candidates"] == ["good \ufffd", "\U0001f600"]


def test_a_document_of_a_million_characters_is_cut_and_said_so(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["good " * 200_000, "bad"]})
    first = answer.json()["results"][0]
    assert (first["index"], first["truncated"], first["tokens"]) == (0, True, 64)


def test_a_body_over_the_limit_is_answered_413_though_it_was_not_read(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["x" * 9_000_000]})
    assert (answer.status_code, answer.json()["code"]) == (413, "BodyTooLarge")
    assert "8000000 bytes" in answer.json()["message"]
    assert answer.headers["connection"] == "close"
    assert server.is_well()


def test_a_body_of_unknown_length_is_read_no_further_than_the_limit(server: LiveServer) -> None:
    answer = httpx.post(server.url + "/rerank", content=(b" " * 1_000_000 for _ in range(12)))
    assert answer.status_code == 413


def test_an_unknown_route_is_404_and_a_wrong_method_405_naming_the_right_one(server: LiveServer) -> None:
    missing, wrong = httpx.get(server.url + "/nowhere"), httpx.get(server.url + "/rerank")
    assert (missing.status_code, missing.json()["code"]) == (404, "RouteNotFound")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "MethodNotAllowed")
    assert wrong.headers["allow"] == "OPTIONS, POST"


def test_an_unknown_dialect_header_is_refused_naming_the_known_ones(server: LiveServer) -> None:
    answer = server.post({"query": "q", "texts": ["a"]}, headers={"X-Rerank-Dialect": "klingon"})
    assert answer.status_code == 422
    assert "native" in answer.json()["message"]


@pytest.mark.parametrize("deadline", ["0", "0.5", "-5", "soon", "nan", "inf", "1_000", "+1000", "0x3e8", "1000ms"])
def test_an_impossible_deadline_is_refused_by_name(server: LiveServer, deadline: str) -> None:
    answer = server.post({"query": "q", "candidates": ["a"]}, headers={"X-Request-Deadline-Ms": deadline})
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidField")
    assert "X-Request-Deadline-Ms" in answer.json()["message"]


@pytest.mark.parametrize("deadline", ["1000", "1000.5", "1e6", "9" * 400])
def test_a_deadline_beyond_the_servers_own_leaves_that_one(server: LiveServer, deadline: str) -> None:
    answer = server.post({"query": "q", "candidates": ["a"]}, headers={"X-Request-Deadline-Ms": deadline})
    assert answer.status_code == 200


def test_a_document_on_which_the_tokenizer_fails_fails_alone(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["bad", f"{SECRET} {PANIC}", "good"]})
    assert answer.status_code == 200
    assert answer.json()["ranked_candidates"] == ["good", "bad"]
    assert [(error["index"], error["code"]) for error in answer.json()["errors"]] == [(1, "TokenizerFailed")]
    assert SECRET not in answer.text + server.log.getvalue()


def test_a_dialect_that_cannot_leave_out_a_document_names_its_index(server: LiveServer) -> None:
    inputs = [["q", "bad"], ["q", PANIC], ["q", "good"]]
    answer = server.post({"inputs": inputs}, path="/predict")
    assert answer.status_code == 424
    assert "Document 1 has no score: The tokenizer failed on a text" in answer.text


def test_a_score_that_is_not_a_number_fails_its_own_document_only(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["bad", "nan", "good"]})
    assert answer.status_code == 200
    assert answer.json()["ranked_candidates"] == ["good", "bad"]
    assert [(error["index"], error["code"]) for error in answer.json()["errors"]] == [(1, "NonFiniteScore")]
    assert answer.headers["x-rerank-errors"] == "1=NonFiniteScore"


def test_a_document_that_the_scorer_fails_on_fails_alone(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["bad", "boom", "good", "boom bad", "good good"]})
    assert answer.status_code == 200
    assert answer.json()["ranked_candidates"] == ["good good", "good", "bad"]
    assert answer.headers["x-rerank-errors"] == "1=BatchFailed, 3=BatchFailed"


def test_a_document_that_the_scorer_fails_on_costs_other_callers_nothing(server: LiveServer) -> None:
    server.scorer.gate.clear()
    with ThreadPoolExecutor(9) as pool:
        bodies = [{"query": "q", "candidates": ["good", "bad"]} for _ in range(9)]
        bodies[4]["candidates"] = ["boom"] * 20
        asked = [pool.submit(server.post, body) for body in bodies]
        assert eventually(lambda: server.metrics.requests_in_flight._value.get() == len(bodies))
        server.scorer.gate.set()
        assert [answer.result().status_code for answer in asked] == [200] * 4 + [500] + [200] * 4
    assert server.is_well()


def test_a_batch_that_fails_is_said_without_any_text_of_it(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["boom"]})
    assert (answer.status_code, answer.json()["code"]) == (500, "BatchFailed")
    # The worker logs after it has answered; when it has scored again, it has logged.
    assert server.is_well()
    assert "RuntimeError" in server.log.getvalue()
    assert SECRET not in answer.text + server.log.getvalue()
