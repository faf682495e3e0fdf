"""What only the native dialect has: several queries in one call, ids and metadata."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.server import LiveServer


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


PRIORITIES: dict[str, tuple[str, dict[str, Any], int]] = {
    "native": ("/rerank", {"candidates": ["a"], "priority": -5}, 200),
    "native beyond": ("/rerank", {"candidates": ["a"], "priority": 1000}, 422),
    "Cohere's least": ("/v2/rerank", {"documents": ["a"], "priority": 999}, 200),
    "Cohere's has no sign": ("/v2/rerank", {"documents": ["a"], "priority": -1}, 422),
    "vLLM's takes any": ("/dialects/vllm/rerank", {"documents": ["a"], "priority": -(10**12)}, 200),
    "vLLM's scores": ("/score", {"text_1": "q", "text_2": ["a"], "priority": 7}, 200),
}


@pytest.mark.parametrize(("path", "body", "status"), PRIORITIES.values(), ids=PRIORITIES.keys())
def test_priorities_are_read_as_their_families_mean_them(
    server: LiveServer, path: str, body: dict[str, Any], status: int
) -> None:
    answer = server.post({"query": "q", **body}, path=path)
    assert answer.status_code == status
    if status != 200:
        assert "`priority` is" in answer.json()["message"]


def test_an_answer_to_who_takes_parts_says_whether_it_is_one(server: LiveServer) -> None:
    whole = server.post({"query": "q", "candidates": ["a", "good"], "partial": True}).json()
    assert (whole["partial"], whole["scored"]) == (False, 2)
    assert "partial" not in server.post({"query": "q", "candidates": ["a"]}).json()
