"""What a large body may hold, and what the bodies of all requests under way may have together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bge_reranker.api.body import weigh
from bge_reranker.errors import InvalidBody, SettingsError
from tests.live.server import WAIT_S, LiveServer, live_server

from .test_patience import HEAD, connect, eventually, status_of_answer

ONE, ALL = 4_000, 10_400
"""Most bytes of one body, and of all together, by weight: a text weighs twice its bytes, and what is in it. An eighth
is kept for requests smaller than any here."""


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[LiveServer]:
    with live_server(tmp_path, {"max_body_bytes": ONE, "max_bodies_bytes": ALL, "body_timeout_s": 60}) as server:
        yield server


JSON = {"Content-Type": "application/json"}


def body(size: int) -> bytes:
    """A request with one document, of so many bytes."""
    empty = b'{"query": "q", "candidates": ["%s"]}'
    return empty % (b"x" * (size - len(empty % b"")))


def status_of(server: LiveServer, size: int, path: str = "/rerank") -> int:
    return server.post(None, path=path, content=body(size), headers=JSON).status_code


def test_bodies_that_have_too_many_bytes_together_are_refused_until_others_are_done(narrow: LiveServer) -> None:
    with connect(narrow) as half:
        half.sendall(HEAD % ONE + b"{" * (ONE - 1))
        assert eventually(lambda: status_of(narrow, 3_000) == 429)
        for path in ("/rerank", "/tokenize"):
            refused = narrow.post(None, path=path, content=body(3_000), headers=JSON)
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
            assert "maxBodiesBytes" in refused.text
        assert status_of(narrow, 500) == 200, "there is room for it"
    assert eventually(lambda: status_of(narrow, 3_000) == 200)


def test_who_announces_much_and_sends_nothing_keeps_nobody_out(narrow: LiveServer) -> None:
    with connect(narrow) as first, connect(narrow) as second:
        for connection in (first, second):
            connection.sendall(HEAD % ONE + b"{")
        assert eventually(lambda: narrow.metrics.requests_in_flight._value.get() == 2)
        assert status_of(narrow, ONE) == 200


def test_whatever_becomes_of_a_body_its_bytes_are_free_again(narrow: LiveServer) -> None:
    for _ in range(3):
        assert status_of(narrow, ONE + 1) == 413
        assert narrow.post(None, content=b"\xef\xbb\xbf" + b"[" * 3_000).status_code == 422
        assert narrow.post([0] * 1_000).status_code == 422
        assert status_of(narrow, 3_000, path="/tokenize") == 422
        with connect(narrow) as connection:
            connection.sendall(HEAD % ONE + b"{" * 3_000)
    assert eventually(lambda: status_of(narrow, ONE) == 200)
    narrow.scorer.gate.clear()
    narrow.scorer.computing.clear()
    with connect(narrow) as connection:
        connection.sendall(HEAD % 3_000 + body(3_000))
        assert narrow.scorer.computing.wait(WAIT_S)
        assert status_of(narrow, ONE) == 429, "a body counts until its answer"
        narrow.scorer.gate.set()
        assert eventually(lambda: status_of(narrow, ONE) == 200)


def test_a_body_counts_until_its_answer_has_been_taken(tmp_path: Path) -> None:
    one = 16_000_000
    content = b'{"query": "q", "return_documents": true, "documents": ["%s"]}' % (b"x" * (one - 100))
    with live_server(tmp_path, {"max_body_bytes": one, "max_bodies_bytes": one}) as server:
        with connect(server) as connection:
            connection.sendall((HEAD % len(content)).replace(b"/rerank", b"/v1/rerank") + content)
            connection.recv(1)
            assert status_of(server, 1_000) == 429, "most of the body waits in the server, as an answer"
        assert eventually(lambda: status_of(server, 1_000) == 200)


@pytest.mark.parametrize(("path", "status"), [("/rerank", 429), ("/nothing", 404), ("/tokenize", 429)])
@pytest.mark.parametrize("head", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.1\r\nConnection: X, Close", b"HTTP/1.0"])
def test_who_closes_after_the_answer_sees_a_refusal_that_came_in_the_middle_of_its_body(
    tmp_path: Path, path: str, status: int, head: bytes
) -> None:
    one = 12_000_000
    with live_server(tmp_path, {"max_body_bytes": one, "max_bodies_bytes": one}) as server, connect(server) as first:
        server.scorer.gate.clear()
        server.scorer.computing.clear()
        first.sendall(HEAD % 4_000_000 + body(4_000_000))
        assert server.scorer.computing.wait(WAIT_S), "it weighs twice its bytes, and leaves no room for the next"
        with connect(server) as connection:
            start = b"POST %b %b\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            connection.sendall(start % (path.encode(), head, one))
            connection.sendall(body(one))
            assert status_of_answer(connection) == status
        server.scorer.gate.set()


def test_large_bodies_that_arrive_slowly_leave_room_for_small_requests(tmp_path: Path) -> None:
    one, all_of_them = 100_000, 256_000
    limits = {"max_body_bytes": one, "max_bodies_bytes": all_of_them, "body_timeout_s": 60}
    with live_server(tmp_path, limits) as server, ExitStack() as slow:
        for size in (one - 1, one - 1, 23_000):
            slow.enter_context(connect(server)).sendall(HEAD % one + b"{" * size)
        assert eventually(lambda: status_of(server, 2_000) == 429), "seven eighths are all but taken"
        assert status_of(server, 200) == 200
        slow.enter_context(connect(server)).sendall(HEAD % one + b"{" * 1_900)
        assert status_of(server, 200) == 200


def test_all_bodies_may_not_have_less_than_one(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsError, match=r"maxBodiesBytes .2000. must be at least http.maxBodyBytes .4000."),
        live_server(tmp_path, {"max_body_bytes": 4_000, "max_bodies_bytes": 2_000}),
    ):
        pass


def test_values_are_weighed_by_their_number_and_one_heavy_body_is_always_taken(tmp_path: Path) -> None:
    light, heavy = body(10_000), b'{"query": "q", "candidates": ["good"], "x": [' + b"[]," * 3_000 + b"0]}"
    limits = {"max_body_bytes": 100_000, "max_bodies_bytes": 100_000}
    with live_server(tmp_path, limits) as server:
        assert len(heavy) < 10_000
        assert server.post(None, content=heavy, headers=JSON).status_code == 200
        server.scorer.gate.clear()
        with connect(server) as connection:
            connection.sendall(HEAD % len(light) + light)
            assert server.scorer.computing.wait(WAIT_S)
            refused = server.post(None, content=heavy, headers=JSON)
            assert (refused.status_code, refused.json()["code"]) == (429, "QueueFull")
            assert "weigh 2" in refused.text
            server.scorer.gate.set()
        assert eventually(lambda: server.post(None, content=heavy, headers=JSON).status_code == 200)


def test_documents_are_weighed_by_their_number(tmp_path: Path) -> None:
    content = json.dumps({"query": "q", "candidates": ["good"] * 100}).encode()
    with live_server(tmp_path, {"max_body_bytes": 40_000, "max_bodies_bytes": 70_000}) as server:
        server.scorer.gate.clear()
        with connect(server) as connection:
            connection.sendall(HEAD % len(content) + content)
            assert server.scorer.computing.wait(WAIT_S)
            # What the first holds: twice its bytes, 102 values and keys of 80 bytes, 100 documents of 512.
            assert server.post(None, content=content, headers=JSON).status_code == 429
            server.scorer.gate.set()


def test_a_large_request_of_too_many_values_is_told_so_unparsed(tmp_path: Path) -> None:
    content = b'{"query": "q", "candidates": [' + b"[]," * 1_000_000 + b'"x"]}'
    with live_server(tmp_path) as server:
        refused = server.post(None, content=content, headers=JSON)
        assert (refused.status_code, refused.json()["code"]) == (422, "InvalidBody")
        assert "more than 400000 values and keys" in refused.text
        assert server.is_well()


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/rerank", {"query": "q", "texts": ["a"] * 90_000}, 422, {"error_type": "Validation"}),
        ("/invocations", {"text_pairs": [["q", "a document"]] * 30_000}, 400, {"error_type": "TooManyDocuments"}),
        ("/v1/ranking", {"query": "q", "passages": [{"text": "a", "n": [0] * 5}] * 20_000}, 422, {}),
        ("/rerank", {"requests": [{"query": "q", "candidates": ["a"] * 90_000}]}, 422, {}),
        ("/tokenize", {"inputs": ["a"] * 90_000}, 422, {"error_type": "Validation"}),
    ],
)
def test_too_many_documents_of_a_large_body_are_refused_in_the_words_of_the_dialect(
    server: LiveServer, path: str, body: dict[str, Any], status: int, words: dict[str, str]
) -> None:
    refused = server.post(body, path=path)
    assert (refused.status_code, refused.json()["code"]) == (status, "TooManyDocuments")
    assert "documents; the limit is 5000" in refused.json()["message"]
    assert refused.json().items() >= words.items()


def test_a_large_value_that_only_tells_the_dialect_tells_it(server: LiveServer) -> None:
    answer = server.post({"query": "q", "documents": ["good"], "cache_salt": "x" * 300_000})
    assert answer.json()["results"][0]["document"] == {"text": "good"}, "vLLM gives documents back unasked"


def test_values_that_documents_need_are_allowed_by_their_limit() -> None:
    content = bytearray(b'{"a": [' + b"[]," * 300_000 + b"0]}")
    assert weigh(content, 600_003) == 2 * len(content) + 80 * 600_003
    with pytest.raises(InvalidBody, match="more than 600002 values and keys"):
        weigh(content, 600_002)
