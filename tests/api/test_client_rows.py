"""Every client of the compatibility matrix: what exactly it sends, and what it needs in the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.server import LiveServer, live_server

from .client_rows import BEST_FIRST, DOCUMENTS, PAIRS, ROWS, Row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.client)
def test_a_client_finds_every_document_once_best_first_with_a_score(server: LiveServer, row: Row) -> None:
    answer = server.post(row.body, path=row.path, headers=row.headers)
    assert answer.status_code == 200, answer.text
    items = row.read(answer.json())
    assert [item["index"] for item in items] == row.order
    scores = [item[row.score] for item in items]
    assert all(isinstance(score, float) for score in scores)
    assert scores == sorted(scores, reverse=True)
    assert row.needs(answer.json())
    if row.text is not None:
        assert [row.text(item) for item in items] == [DOCUMENTS[index] for index in row.order]


def test_weaviate_gets_scores_in_the_order_of_its_documents_without_a_content_type(server: LiveServer) -> None:
    content = b'{"query": "q", "documents": ["bad", "good good", "nan"], "property": ""}'
    answer = httpx.post(server.url + "/rerank", content=content)
    scores = answer.json()["scores"]
    assert [item["document"] for item in scores] == ["bad", "good good", "nan"]
    assert scores[1]["score"] > scores[0]["score"] > scores[2]["score"] == 0.0
    assert answer.json()["query"] == "q"
    assert answer.headers["x-rerank-errors"] == "2=NonFiniteScore"


@pytest.mark.parametrize("path", ["/meta", "/.well-known/ready"])
def test_weaviate_finds_what_it_polls(server: LiveServer, path: str) -> None:
    assert isinstance(httpx.get(server.url + path).json(), dict)


@pytest.mark.parametrize(
    ("left", "right"),
    [("text_1", "text_2"), ("queries", "documents"), ("queries", "items"), ("data_1", "data_2")],
    ids=str,
)
@pytest.mark.parametrize("path", ["/score", "/v1/score"])
def test_vllm_scores_one_against_many_in_input_order(server: LiveServer, path: str, left: str, right: str) -> None:
    answer = server.post({"model": "m", left: "q", right: DOCUMENTS}, path=path).json()
    assert [(item["index"], item["object"]) for item in answer["data"]] == [(n, "score") for n in range(3)]
    scores = [item["score"] for item in answer["data"]]
    assert scores[1] > scores[2] > scores[0]
    assert (answer["object"], answer["model"]) == ("list", "m")


def test_vllm_scores_many_against_as_many(server: LiveServer) -> None:
    body = {"text_1": ["good", "q", "good"], "text_2": ["a", "good", "good"], "use_activation": False}
    answer = server.post(body, path="/score").json()
    assert [item["score"] for item in answer["data"]] == [1.0, 1.0, 2.0]


def test_vllm_scores_text_against_text(server: LiveServer) -> None:
    assert len(server.post({"text_1": "q", "text_2": "good"}, path="/score").json()["data"]) == 1


def test_vllm_refuses_sides_of_different_length(server: LiveServer) -> None:
    answer = server.post({"text_1": ["q", "r"], "text_2": ["a"]}, path="/score")
    assert (answer.status_code, answer.json()["error"]["code"], answer.json()["code"]) == (400, 400, "InvalidField")


def test_langchain_sagemaker_gets_scores_in_the_order_of_its_pairs(server: LiveServer) -> None:
    scores = server.post({"text_pairs": PAIRS}, path="/invocations").json()["scores"]
    assert sorted(range(3), key=lambda index: -scores[index]) == BEST_FIRST


@pytest.mark.parametrize("path", ["/", "/invocations"])
def test_sagemaker_ranks_in_tei_words_at_the_root_too(server: LiveServer, path: str) -> None:
    answer = server.post({"query": "q", "texts": DOCUMENTS}, path=path).json()
    assert [item["index"] for item in answer] == BEST_FIRST


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["q", "good"], [{"score": 1.0, "label": "LABEL_0"}]),
        ([["q", "good"], ["q", "bad"]], [[{"score": 1.0, "label": "LABEL_0"}], [{"score": -1.0, "label": "LABEL_0"}]]),
    ],
    ids=["a pair", "a batch"],
)
def test_tei_predicts_pairs_in_input_order(server: LiveServer, inputs: Any, expected: Any) -> None:
    assert server.post({"inputs": inputs, "raw_scores": True}, path="/predict").json() == expected


GOOD, BAD = {"text": "q", "text_pair": "good"}, {"text": "q", "text_pair": "bad"}
LABELLED = {"score": 1.0, "label": "LABEL_0"}


@pytest.mark.parametrize("path", ["/", "/predict", "/invocations", "/rerank", "/dialects/tei-predict/predict"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"inputs": GOOD}, LABELLED),
        ({"inputs": [GOOD]}, [LABELLED]),
        ({"inputs": [GOOD, BAD]}, [LABELLED, {"score": -1.0, "label": "LABEL_0"}]),
        ({"inputs": GOOD, "parameters": {"top_k": 1}}, [LABELLED]),
        ({"inputs": [GOOD], "parameters": {"top_k": 1}}, [[LABELLED]]),
        ({"inputs": ["q", "good"]}, [LABELLED]),
    ],
    ids=["a pair", "a list of one", "a list", "a pair, top_k", "a list, top_k", "tei's pair"],
)
def test_hugging_face_gets_labels_as_the_pipeline_of_transformers_gives_them(
    server: LiveServer, path: str, body: dict[str, Any], expected: Any
) -> None:
    logits = {"parameters": body.get("parameters", {}) | {"function_to_apply": "none"}}
    assert server.post(body | logits, path=path).json() == expected


def test_hugging_face_gets_sigmoids_unless_it_asks_for_none(server: LiveServer) -> None:
    plain = server.post({"inputs": GOOD, "parameters": None}, path="/").json()
    named = server.post({"inputs": GOOD, "parameters": {"function_to_apply": "sigmoid"}}, path="/").json()
    assert plain == named == {"score": pytest.approx(0.7310586), "label": "LABEL_0"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"inputs": {"text": "q"}}, "`inputs.text_pair` must be a string, not null"),
        ({"inputs": {"text": "", "text_pair": "a"}}, "`inputs.text` is empty"),
        ({"inputs": [GOOD, ["q", "a"]]}, "`inputs[1]` must be an object with `text` and `text_pair`"),
        ({"inputs": [["q", "a"], GOOD]}, "`inputs[1]` must be a list of two strings"),
        ({"inputs": [GOOD | {"text_pair": ["a"]}]}, "`inputs[0].text_pair` must be a string, not a list"),
        ({"inputs": 7}, "`inputs` must be"),
        ({"inputs": []}, "`inputs` is empty"),
        ({"inputs": GOOD, "parameters": {"function_to_apply": "softmax"}}, "one of: sigmoid, none, default"),
        ({"inputs": GOOD, "parameters": [1]}, "`parameters` must be an object"),
        ({"inputs": GOOD | {"text_pair": "good " * 100}, "parameters": {"truncation": False}}, "tokens"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_a_named_pair_is_named(server: LiveServer, body: dict[str, Any], words: str) -> None:
    answer = server.post(body, path="/invocations")
    assert answer.status_code in {400, 422}
    assert words in answer.json()["error"]


def test_alibaba_s_body_gets_a_hint_that_is_true(server: LiveServer) -> None:
    inside, options = {"query": "q", "documents": DOCUMENTS}, {"top_n": 2, "return_documents": True}
    refused = server.post({"model": "gte-rerank-v2", "input": inside, "parameters": options})
    assert refused.status_code == 422
    assert "`query` and `documents` at the top of the body" in refused.json()["message"]
    taken = server.post({"model": "gte-rerank-v2", **inside, **options}).json()["results"]
    assert [item["document"]["text"] for item in taken] == [DOCUMENTS[index] for index in BEST_FIRST[:2]]


def test_vertex_gets_one_prediction_for_each_instance_as_tei_gives_it(server: LiveServer) -> None:
    instances = [{"query": "q", "texts": DOCUMENTS}, {"query": "q", "texts": ["good", "bad", "good"]}]
    predictions = server.post({"instances": instances}, path="/vertex").json()["predictions"]
    assert [[item["index"] for item in items] for items in predictions] == [BEST_FIRST, [2, 0, 1]]
    texts = server.post({"instances": [instances[0] | {"return_text": True}]}, path="/vertex").json()["predictions"][0]
    assert [item["text"] for item in texts] == [DOCUMENTS[index] for index in BEST_FIRST]


def test_vertex_names_the_instance_that_is_wrong(server: LiveServer) -> None:
    good = {"query": "q", "texts": ["a"]}
    wrong = server.post({"instances": [good, {"query": "q", "texts": [7]}]}, path="/vertex")
    assert (wrong.status_code, "`instances[1].texts[0]`" in wrong.json()["error"]) == (422, True)
    mixed = server.post({"instances": [good, good | {"raw_scores": True}]}, path="/vertex")
    assert (mixed.status_code, "`instances[1]` has other options" in mixed.json()["error"]) == (422, True)


def test_dify_finds_a_reranker_and_its_limits_in_info(server: LiveServer) -> None:
    info = httpx.get(server.url + "/info").json()
    assert next(iter(info["model_type"])) == "reranker"
    assert (info["max_input_length"], info["max_client_batch_size"]) == (64, 5_000)


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
def test_nvidia_clients_find_the_served_model(server: LiveServer, path: str) -> None:
    answer = httpx.get(server.url + path).json()
    assert (answer["object"], [model["id"] for model in answer["data"]]) == ("list", ["scripted"])


def test_xinference_finds_a_reranker_under_any_model_name(server: LiveServer) -> None:
    assert httpx.get(server.url + "/v1/models/org/any-name").json()["model_type"] == "rerank"


def test_milvus_sglang_is_served_by_a_listener_of_its_own_dialect(tmp_path: Path) -> None:
    with live_server(tmp_path, {"default_dialect": "sglang"}) as server:
        answer = server.post({"model": "m", "query": "q", "documents": DOCUMENTS}, path="/v1/rerank").json()
        assert [item["index"] for item in answer] == BEST_FIRST
        named = server.post({"query": "q", "documents": ["a"]}, headers={"X-Rerank-Dialect": "jina"}).json()
        assert "results" in named


def test_litellm_huggingface_gets_long_texts_cut_where_the_server_is_set_to(tmp_path: Path) -> None:
    body = {"query": "q", "texts": ["good " * 100], "truncate": False}
    with live_server(tmp_path, {"ignore_truncate_false": True}) as server:
        assert server.post(body).status_code == 200
