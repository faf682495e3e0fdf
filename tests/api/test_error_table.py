"""The table `case x dialect -> status, body`, held against the live server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from bge_reranker.api.dispatch import DIALECTS
from tests.conftest import FLAGS
from tests.live.server import WAIT_S, LiveServer, live_server

from .statuses import CASES, STATUSES, status

LIST_OF: Mapping[str, str] = {
    "native": "candidates",
    "tei": "texts",
    "tei-predict": "inputs",
    "nim": "passages",
    "mixedbread": "input",
    "sagemaker": "text_pairs",
    "vllm-score": "text_2",
}
"""Key of the documents; `documents` in all others."""

OVERFLOW = "good " * 100
REFUSING: Mapping[str, dict[str, Any]] = {
    "native": {"long_documents": "reject"},
    "tei": {"truncate": False},
    "tei-predict": {"truncate": False},
    "tei-vertex": {"instances": [{"query": "q", "texts": [OVERFLOW], "truncate": False}]},
    "nim": {"truncate": "NONE"},
    "voyage": {"truncation": False},
    "vllm": {},
    "vllm-score": {},
    "pinecone": {"parameters": {"truncate": "NONE"}},
}
"""How each dialect says that a long document is to be refused; the others cannot say so."""

KEY = "a-key-of-the-tests"

NESTED = {"vllm", "vllm-score", "llamacpp", "infinity"}


def body_of(dialect: str, documents: list[Any]) -> dict[str, Any]:
    if dialect == "tei-vertex":
        return {"instances": [{"query": "q", "texts": [document]} for document in documents]}
    if dialect in {"tei-predict", "sagemaker"}:
        return {LIST_OF[dialect]: [["q", document] for document in documents]}
    body: dict[str, Any] = {LIST_OF.get(dialect, "documents"): documents}
    return body | ({"text_1": "q"} if dialect == "vllm-score" else {"query": "q"})


def wrong_body(dialect: str, case: str) -> dict[str, Any] | bytes | None:
    """A request that is wrong in one way, or None where the dialect has no way to be wrong so."""
    if case == "too_long":
        asked = REFUSING.get(dialect)
        return None if asked is None else body_of(dialect, [OVERFLOW]) | asked
    bodies: dict[str, dict[str, Any] | bytes] = {
        "empty": body_of(dialect, []),
        "too_many": body_of(dialect, ["a"] * (int(FLAGS["max_documents"]) + 1)),
        "bad_type": body_of(dialect, [7]),
        "bad_json": b'{"query": ',
        "unscored": body_of(dialect, ["nan"]),
    }
    return bodies[case]


OF_THE_SERVER = {"not_ready", "overloaded", "wrong_key"}
"""Cases that a body alone cannot bring about."""

ASKED = [(dialect, case) for dialect in DIALECTS for case in CASES if case not in OF_THE_SERVER]


def test_every_dialect_has_its_statuses_written_down() -> None:
    assert set(STATUSES) == set(DIALECTS)


@pytest.mark.parametrize(("dialect", "case"), ASKED, ids=str)
def test_a_dialect_says_what_is_wrong_as_its_own_server_does(server: LiveServer, dialect: str, case: str) -> None:
    body = wrong_body(dialect, case)
    if body is None or (dialect == "weaviate" and case == "unscored"):
        return
    check(post(server, dialect, body), dialect, case)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_loading_server_says_so_in_every_dialect(server: LiveServer, dialect: str) -> None:
    model, server.state.model = server.state.model, None
    try:
        answer = post(server, dialect, body_of(dialect, ["a"]))
    finally:
        server.state.model = model
    check(answer, dialect, "not_ready")
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("2", "2000")


@pytest.fixture(scope="module")
def full_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose queue is full for as long as the module's tests run."""
    flags = {"max_batch_tokens": 64, "max_queue_tokens": 64}
    with live_server(tmp_path_factory.mktemp("full"), flags) as server, ThreadPoolExecutor(1) as waiting:
        server.scorer.gate.clear()
        server.scorer.computing.clear()
        first = waiting.submit(server.post, body_of("native", ["good " * 100]))
        assert server.scorer.computing.wait(WAIT_S)
        yield server
        server.scorer.gate.set()
        assert first.result().status_code == 200


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_full_server_says_so_in_every_dialect(full_server: LiveServer, dialect: str) -> None:
    answer = post(full_server, dialect, body_of(dialect, ["a"]))
    check(answer, dialect, "overloaded")
    assert int(answer.headers["retry-after"]) >= 1
    assert int(answer.headers["retry-after-ms"]) >= 1


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that wants a key."""
    with live_server(tmp_path_factory.mktemp("guarded"), {"api_keys": KEY}) as server:
        yield server


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer another-key"}], ids=["no key", "another key"])
def test_a_guarded_server_says_so_in_every_dialect(
    guarded_server: LiveServer, dialect: str, headers: dict[str, str]
) -> None:
    answer = post(guarded_server, dialect, body_of(dialect, ["a"]), headers)
    check(answer, dialect, "wrong_key")
    assert answer.headers["www-authenticate"] == 'Bearer realm="bge-reranker"'
    assert answer.json()["code"] == "Unauthenticated"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_right_key_opens_every_dialect(guarded_server: LiveServer, dialect: str) -> None:
    answer = post(guarded_server, dialect, body_of(dialect, ["a"]), {"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200


def test_tei_says_413_for_422_where_the_server_is_set_to(tmp_path: Path) -> None:
    with live_server(tmp_path, {"tei_validation_413": True, "max_documents": 2}) as server:
        assert server.post({"query": "q", "texts": ["a"] * 3}).status_code == 413
        assert server.post({"query": "q", "candidates": ["a"] * 3}).status_code == 422
        assert server.post({"query": "q", "texts": []}).status_code == 400
        assert server.post({"query": "q", "texts": ["a", 1]}).status_code == 422
        assert server.post({"query": 5, "texts": ["a"]}).status_code == 422


def test_infinitys_own_client_gets_the_list_of_problems_that_it_parses(server: LiveServer) -> None:
    body = {"query": "", "documents": ["a"], "raw_scores": False, "return_documents": False}
    answer = server.post(body)
    assert answer.status_code == 422
    assert [set(problem) for problem in answer.json()["detail"]] == [{"loc", "msg", "type"}]


def post(
    server: LiveServer, dialect: str, body: dict[str, Any] | bytes, headers: dict[str, str] | None = None
) -> httpx.Response:
    url = f"{server.url}/dialects/{dialect}{DIALECTS[dialect].routes[0]}"
    if isinstance(body, bytes):
        return httpx.post(url, content=body, headers=headers, timeout=20)
    return httpx.post(url, json=body, headers=headers, timeout=20)


def check(answer: httpx.Response, dialect: str, case: str) -> None:
    body = answer.json()
    assert answer.status_code == status(dialect, case), answer.text
    assert set(body) == {"error", "error_type", "code", "message", "detail"}
    words = body["error"]["message"] if dialect in NESTED else body["error"]
    assert words == body["message"] != ""
    assert answer.headers["x-error-code"] == body["code"]
