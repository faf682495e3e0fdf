"""Answers as each client family reads them, over a real socket."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from tests.live.server import LiveServer


def test_native_answers_ranked_texts_results_model_and_usage(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["bad", "good good", "good"]}).json()
    assert answer["ranked_candidates"] == ["good good", "good", "bad"]
    assert [(result["index"], result["text"]) for result in answer["results"]] == [
        (1, "good good"),
        (2, "good"),
        (0, "bad"),
    ]
    assert answer["results"][0]["score"] == float(str(np.float32(1 / (1 + np.exp(-2)))))
    assert answer["model"] == "scripted"
    # <s> q </s></s> document </s>: five tokens and the document's own.
    assert answer["usage"] == {"prompt_tokens": 7 + 6 + 6, "total_tokens": 7 + 6 + 6}
    assert [result["tokens"] for result in answer["results"]] == [7, 6, 6]


def test_native_gives_logits_when_asked_for_raw_scores(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["bad", "good good"], "raw_scores": True})
    assert '"score":2.0' in answer.text
    assert '"score":-1.0' in answer.text


def test_native_echoes_the_callers_model_name(server: LiveServer) -> None:
    assert server.post({"query": "q", "candidates": ["a"], "model": "mine"}).json()["model"] == "mine"


def test_native_combines_the_windows_of_a_long_document(server: LiveServer) -> None:
    document = "bad " * 60 + "good " * 60
    modes = {}
    for mode in ("cut", "windows_max", "windows_mean"):
        body = {"query": "q", "candidates": [document], "long_documents": mode, "raw_scores": True}
        modes[mode] = server.post(body).json()["results"][0]
    assert modes["cut"]["score"] == -59.0
    assert modes["cut"]["truncated"]
    assert modes["windows_max"]["score"] > 30
    assert not modes["windows_max"]["truncated"]
    assert -59 < modes["windows_mean"]["score"] < modes["windows_max"]["score"]


def test_native_shortens_pairs_and_queries_when_asked(server: LiveServer) -> None:
    body = {"query": "q " * 30, "candidates": ["good " * 30], "max_pair_tokens": 24, "max_query_tokens": 4}
    result = server.post(body | {"raw_scores": True}).json()["results"][0]
    assert (result["score"], result["tokens"], result["truncated"]) == (24 - 4 - 4, 24, True)


def test_native_refuses_a_longer_pair_than_the_server_reads(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["a"], "max_pair_tokens": 65})
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidField")
    assert "max_pair_tokens is 65; it must be between 8 and 64" in answer.json()["message"]


def test_native_rejects_a_long_document_when_asked_to(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["a", "good " * 100], "long_documents": "reject"})
    assert (answer.status_code, answer.json()["code"]) == (422, "DocumentTooLong")


def test_tei_answers_a_bare_array_with_the_higher_index_first_on_ties(server: LiveServer) -> None:
    answer = server.post({"query": "q", "texts": ["good", "bad", "good"], "raw_scores": True})
    assert answer.json() == [{"index": 2, "score": 1.0}, {"index": 0, "score": 1.0}, {"index": 1, "score": -1.0}]


def test_tei_gives_texts_when_asked(server: LiveServer) -> None:
    answer = server.post({"query": "q", "texts": ["good"], "return_text": True}).json()
    assert answer[0]["text"] == "good"


def test_tei_refuses_a_long_text_when_truncation_is_off(server: LiveServer) -> None:
    answer = server.post({"query": "q", "texts": ["good " * 100], "truncate": False})
    assert (answer.status_code, answer.json()["error_type"]) == (422, "Validation")


def test_tei_cuts_from_the_left_when_asked(server: LiveServer) -> None:
    body = {"query": "q", "texts": ["bad " * 100 + "good"], "truncation_direction": "Left", "raw_scores": True}
    assert server.post(body).json()[0]["score"] == -57.0


def test_tei_calls_an_empty_list_empty_with_400(server: LiveServer) -> None:
    answer = server.post({"query": "q", "texts": []})
    assert (answer.status_code, answer.json()["error_type"]) == (400, "Empty")


def test_tei_leaves_out_a_text_without_a_score_and_names_it_in_a_header(server: LiveServer) -> None:
    answer = server.post({"query": "q", "texts": ["nan", "good"]})
    assert [item["index"] for item in answer.json()] == [1]
    assert answer.headers["x-rerank-errors"] == "0=NonFiniteScore"


def test_jina_answers_results_best_first_with_what_generated_clients_insist_on(server: LiveServer) -> None:
    body = {"model": "m", "query": "q", "documents": ["bad", {"text": "good"}], "top_n": 1}
    answer = server.post(body).json()
    assert [result["index"] for result in answer["results"]] == [1]
    assert "document" not in answer["results"][0]
    assert (answer["object"], answer["model"]) == ("rerank", "m")
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] == 12
    assert server.post(body, path="/v1/rerank").json()["object"] == "list"


def test_jina_gives_documents_as_objects_when_asked_even_by_a_string(server: LiveServer) -> None:
    body = {"query": "q", "documents": ["good"], "return_documents": "true", "top_n": None}
    assert server.post(body).json()["results"][0]["document"] == {"text": "good"}


def test_jina_takes_a_top_n_of_zero_as_all(server: LiveServer) -> None:
    answer = server.post({"query": "q", "documents": ["good", "bad"], "top_n": 0}).json()
    assert len(answer["results"]) == 2


def test_jina_names_a_document_object_without_text(server: LiveServer) -> None:
    answer = server.post({"query": "q", "documents": ["a", {"picture": "x"}]})
    assert answer.status_code == 422
    assert "`documents[1]`" in answer.json()["detail"]


@pytest.mark.parametrize(("numbers", "count"), [({"top_n": 1}, 1), ({"top_k": 2, "top_n": 1}, 2), ({"top_k": 0}, 3)])
def test_nim_takes_either_name_of_the_number(server: LiveServer, numbers: dict[str, int], count: int) -> None:
    body = {"query": {"text": "q"}, "passages": [{"text": text} for text in "abc"]}
    assert len(server.post(body | numbers, path="/v1/ranking").json()["rankings"]) == count


def test_nim_minds_the_name_that_does_not_count_as_well(server: LiveServer) -> None:
    body = {"query": "q", "passages": ["a"], "top_k": 1, "top_n": False}
    answer = server.post(body, path="/v1/ranking")
    assert (answer.status_code, "`top_n` must be a whole number" in answer.json()["error"]) == (422, True)


def test_the_dialect_header_decides_before_the_keys(server: LiveServer) -> None:
    answer = server.post({"query": "q", "texts": [], "candidates": ["a"]}, headers={"X-Rerank-Dialect": "TEI"})
    assert (answer.status_code, answer.json()["error_type"]) == (400, "Empty")


def test_every_answer_names_the_model_and_the_request(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["a"]}, headers={"X-Request-Id": "mine-7"})
    assert answer.headers["x-model-digest"] == "d" * 64
    assert answer.headers["x-model-precision"] == "float32"
    assert answer.headers["x-request-id"] == "mine-7"


def test_an_unprintable_request_id_is_replaced(server: LiveServer) -> None:
    answer = httpx.get(server.url + "/health", headers={"X-Request-Id": "a b"})
    assert " " not in answer.headers["x-request-id"]
