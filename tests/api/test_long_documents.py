"""What each dialect does with texts that do not fit.

A pair has 64 tokens, four of them special and one the query's; windows of 59 tokens share 8, so the second window of
BAD_THEN_GOOD holds 9 words of the one kind and 50 of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.server import LiveServer, live_server

BAD_THEN_GOOD = "bad " * 60 + "good " * 60
CASES: dict[str, tuple[str, dict[str, Any], float]] = {
    "native cuts": ("/rerank", {"candidates": [BAD_THEN_GOOD], "raw_scores": True}, -59.0),
    "jina cuts": ("/v1/rerank", {"documents": [BAD_THEN_GOOD], "raw_scores": True}, -59.0),
    "jina limits a document": (
        "/v1/rerank",
        {"documents": ["bad " * 9], "raw_scores": True, "max_tokens_per_doc": 5},
        -5,
    ),
    "cohere 2 takes the best chunk": ("/v2/rerank", {"documents": [BAD_THEN_GOOD], "raw_scores": True}, 41.0),
    "cohere 2 limits a document": (
        "/v2/rerank",
        {"documents": [BAD_THEN_GOOD], "raw_scores": True, "max_tokens_per_doc": 60},
        -9.0,
    ),
    "cohere 1 takes the best of its chunks": (
        "/v1/rerank",
        {"documents": [BAD_THEN_GOOD], "raw_scores": True, "max_chunks_per_doc": 9},
        41.0,
    ),
    "cohere 1 takes the only chunk": (
        "/v1/rerank",
        {"documents": [BAD_THEN_GOOD], "raw_scores": True, "max_chunks_per_doc": 1},
        -59.0,
    ),
    "ovms takes the best chunk": ("/v3/rerank", {"documents": [BAD_THEN_GOOD], "raw_scores": True}, 57.0),
    "vllm cuts at the left": (
        "/rerank",
        {"documents": [BAD_THEN_GOOD], "raw_scores": True, "truncation_side": "left"},
        59.0,
    ),
    "vllm shortens the pair": (
        "/rerank",
        {"documents": [BAD_THEN_GOOD], "use_activation": False, "truncate_prompt_tokens": 32},
        -27.0,
    ),
    "vllm by name cuts when told how": (
        "/dialects/vllm/rerank",
        {"documents": [BAD_THEN_GOOD], "use_activation": False, "truncate_prompt_tokens": -1},
        -59.0,
    ),
}


def score_of(answer: Any) -> float:
    (item,) = answer["results"]
    return float(item.get("score", item.get("relevance_score")))


@pytest.mark.parametrize(("path", "body", "score"), CASES.values(), ids=CASES.keys())
def test_a_long_document_is_read_as_its_dialect_has_it(
    server: LiveServer, path: str, body: dict[str, Any], score: float
) -> None:
    answer = server.post({"query": "q", **body}, path=path)
    assert answer.status_code == 200, answer.text
    assert score_of(answer.json()) == score


REFUSED: dict[str, tuple[str, dict[str, Any], int]] = {
    "vllm by name": ("/dialects/vllm/rerank", {"query": "q", "documents": [BAD_THEN_GOOD]}, 400),
    "vllm score by name": ("/dialects/vllm/score", {"text_1": "q", "text_2": BAD_THEN_GOOD}, 400),
    "nim, NONE": ("/v1/ranking", {"query": "q", "passages": [BAD_THEN_GOOD], "truncate": "NONE"}, 400),
    "voyage, truncation false": ("/v1/rerank", {"query": "q", "documents": [BAD_THEN_GOOD], "truncation": False}, 400),
    "tei, truncate false": ("/rerank", {"query": "q", "texts": [BAD_THEN_GOOD], "truncate": False}, 422),
}


@pytest.mark.parametrize(("path", "body", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_a_long_document_is_refused_where_its_dialect_says_so(
    server: LiveServer, path: str, body: dict[str, Any], status: int
) -> None:
    answer = server.post(body, path=path)
    assert (answer.status_code, answer.json()["code"]) == (status, "DocumentTooLong")


def test_vllm_keys_alone_do_not_refuse_a_long_document(server: LiveServer) -> None:
    assert server.post({"text_1": "q", "text_2": BAD_THEN_GOOD}, path="/score").status_code == 200


def test_a_limit_out_of_bounds_is_named_as_the_caller_named_it(server: LiveServer) -> None:
    body = {"query": "q", "documents": ["a"], "truncate_prompt_tokens": 65}
    answer = server.post(body)
    assert answer.status_code == 400
    assert "truncate_prompt_tokens is 65" in answer.json()["message"]


def test_ovms_gives_the_query_half_of_the_pair(server: LiveServer) -> None:
    body = {"query": "good " * 50, "documents": ["bad"], "raw_scores": True}
    assert score_of(server.post(body, path="/v3/rerank").json()) == 32 - 1
    assert score_of(server.post(body, path="/v1/rerank").json()) == 50 - 1


REMEDIES: dict[str, tuple[str, dict[str, Any], str]] = {
    "native": ("/rerank", {"candidates": [BAD_THEN_GOOD], "long_documents": "reject"}, "`long_documents`"),
    "tei": ("/rerank", {"texts": [BAD_THEN_GOOD], "truncate": False}, "`truncate`: true"),
    "vllm": ("/dialects/vllm/rerank", {"documents": [BAD_THEN_GOOD]}, "`truncate_prompt_tokens`: -1"),
    "nim": ("/v1/ranking", {"passages": [BAD_THEN_GOOD], "truncate": "NONE"}, '`truncate`: "END"'),
    "voyage": ("/v1/rerank", {"documents": [BAD_THEN_GOOD], "truncation": False}, "`truncation`: true"),
    "pinecone": (
        "/dialects/pinecone/rerank",
        {"documents": [BAD_THEN_GOOD], "parameters": {"truncate": "NONE"}},
        '{"truncate": "END"}',
    ),
}


@pytest.mark.parametrize(("path", "body", "words"), REMEDIES.values(), ids=REMEDIES.keys())
def test_the_remedy_names_what_the_dialect_has(server: LiveServer, path: str, body: dict[str, Any], words: str) -> None:
    message = server.post({"query": "q", **body}, path=path).json()["message"]
    assert words in message
    assert ("long_documents" in message) == ("candidates" in body)


@pytest.mark.parametrize("path", ["/dialects/vllm/rerank", "/dialects/vllm/score"])
def test_vllm_clients_find_the_phrase_and_the_number_that_they_look_for(server: LiveServer, path: str) -> None:
    body = {"query": "q", "documents": [BAD_THEN_GOOD], "text_1": "q", "text_2": BAD_THEN_GOOD}
    answer = server.post({key: body[key] for key in list(body)[2 * ("score" in path) :][:2]}, path=path)
    assert answer.status_code == 400
    assert "maximum context length is 64 tokens" in answer.json()["error"]["message"]


@pytest.fixture(scope="module")
def rejecting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that refuses long documents unless the caller says that they may be cut."""
    with live_server(tmp_path_factory.mktemp("rejecting"), {"long_documents": "reject"}) as running:
        yield running


ALLOWING: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "tei": ("/rerank", {"texts": [BAD_THEN_GOOD]}, {"truncate": True}),
    "nim": ("/v1/ranking", {"passages": [BAD_THEN_GOOD]}, {"truncate": "END"}),
    "voyage": ("/v1/rerank", {"documents": [BAD_THEN_GOOD], "top_k": 1}, {"truncation": True}),
    "pinecone": ("/dialects/pinecone/rerank", {"documents": [BAD_THEN_GOOD]}, {"parameters": {"truncate": "END"}}),
    "vllm": ("/dialects/vllm/rerank", {"documents": [BAD_THEN_GOOD]}, {"truncate_prompt_tokens": -1}),
}


@pytest.mark.parametrize(("path", "body", "allowing"), ALLOWING.values(), ids=ALLOWING.keys())
def test_a_caller_may_allow_what_the_server_would_reject(
    rejecting: LiveServer, path: str, body: dict[str, Any], allowing: dict[str, Any]
) -> None:
    refused = rejecting.post({"query": "q", **body}, path=path)
    assert (refused.status_code in {400, 422}, refused.json()["code"]) == (True, "DocumentTooLong")
    assert rejecting.post({"query": "q", **body, **allowing}, path=path).status_code == 200


def test_where_a_dialect_cannot_allow_it_the_remedy_is_the_servers_setting(rejecting: LiveServer) -> None:
    answer = rejecting.post({"query": "q", "documents": [BAD_THEN_GOOD]}, path="/v1/rerank")
    assert (answer.status_code, "longDocuments" in answer.json()["message"]) == (422, True)


VLLM_REFUSES: dict[str, tuple[dict[str, Any], str]] = {
    "normalize": ({"normalize": True}, "`use_activation`"),
    "a priority that is no number": ({"priority": "high"}, "must be a whole number"),
    "no token": ({"truncate_prompt_tokens": 0}, "at least 8"),
    "too few tokens for a pair": ({"truncate_prompt_tokens": 7}, "at least 8"),
    "below -1": ({"truncate_prompt_tokens": -2}, "at least -1"),
    "more than the model reads": ({"truncate_prompt_tokens": 65}, "between 8 and 64"),
}


@pytest.mark.parametrize(("extra", "words"), VLLM_REFUSES.values(), ids=VLLM_REFUSES.keys())
def test_vllm_refuses_what_vllm_refuses(server: LiveServer, extra: dict[str, Any], words: str) -> None:
    answer = server.post({"query": "q", "documents": ["a"], **extra}, path="/dialects/vllm/rerank")
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize("options", [{"long_documents": "reject"}, {"truncation": "only_second"}], ids=str)
def test_what_a_long_query_is_told_to_send_makes_it_fit(server: LiveServer, options: dict[str, Any]) -> None:
    body = {"query": "q " * 200, "candidates": ["good"], **options}
    refused = server.post(body)
    assert (refused.status_code, refused.json()["code"]) == (422, "QueryTooLong")
    assert "`truncation`: longest_first with `long_documents`: cut" in refused.json()["message"]
    assert server.post({**body, "truncation": "longest_first", "long_documents": "cut"}).status_code == 200


@pytest.mark.parametrize(
    "extra",
    [
        {"priority": 0},
        {"priority": None, "normalize": None},
        {"truncate_prompt_tokens": 8},
        {"cache_salt": "x", "y": 1},
    ],
    ids=str,
)
def test_vllm_takes_what_has_no_effect(server: LiveServer, extra: dict[str, Any]) -> None:
    answer = server.post({"query": "q", "documents": ["a"], **extra}, path="/dialects/vllm/rerank")
    assert answer.status_code == 200
