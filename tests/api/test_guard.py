"""A server with keys, over real sockets: what is guarded, what is not, and when the key is asked for."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from bge_reranker.api.dispatch import ROUTES
from bge_reranker.api.token_routes import TOKEN_ROUTES
from tests.live.server import WAIT_S, LiveServer, live_server

KEY, OTHER = "the-key-of-a-test", "the-other-key-of-a-test"
ERRORS = "bge_reranker_errors_total"
BODY = {"query": "q", "candidates": ["bad", "good"]}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with two keys, one of them from a file."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(OTHER + "\n")
    flags = {"api_keys": KEY, "keys_file": str(folder / "keys")}
    with live_server(folder, flags) as running:
        yield running


PLACES: list[dict[str, str]] = [
    {"Authorization": f"Bearer {KEY}"},
    {"Authorization": f"bearer {OTHER}"},
    {"Authorization": KEY},
    {"Authorization": f"Token {KEY}"},
    {"Authorization": "Basic " + b64encode(f"any:{KEY}".encode()).decode()},
    {"Api-Key": KEY},
    {"api-key": KEY},
    {"X-API-Key": KEY},
]
"""As the clients of the families send their keys; LlamaIndex sends it bare, Pinecone and Azure in `Api-Key`."""


@pytest.mark.parametrize("headers", PLACES, ids=str)
def test_a_key_opens_wherever_clients_put_it(guarded: LiveServer, headers: dict[str, str]) -> None:
    answer = guarded.post(BODY, headers=headers)
    assert (answer.status_code, answer.json().get("ranked_candidates")) == (200, ["good", "bad"])


def test_a_key_in_the_address_opens_for_clients_that_take_nothing_else(guarded: LiveServer) -> None:
    address = guarded.url.replace("http://", f"http://any:{KEY}@")
    body = {"query": "q", "documents": ["bad", "good"], "property": ""}
    assert httpx.post(f"{address}/rerank", json=body, timeout=WAIT_S).status_code == 200


@pytest.mark.parametrize("path", [*ROUTES, *TOKEN_ROUTES, "/v1/retrieval/any/reranking", "/dialects/jina//rerank/"])
def test_whatever_ranks_or_tokenises_wants_a_key(guarded: LiveServer, path: str) -> None:
    answer = guarded.post({}, path=path)
    assert answer.status_code in {401, 403}
    assert answer.json()["code"] == answer.headers["x-error-code"] == "Unauthenticated"
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize(
    "path",
    "/ /docs /assets/page.js /openapi.json /health /health/live /health/ready /ping /info /v1/models /models "
    "/meta /.well-known/ready /v1/health/ready /v2/models/m/ready".split(),
)
def test_probes_and_the_page_stay_open(guarded: LiveServer, path: str) -> None:
    assert httpx.get(guarded.url + path, timeout=WAIT_S).status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/info", "/metrics"])
def test_the_management_listener_stays_open(guarded: LiveServer, path: str) -> None:
    assert httpx.get(guarded.management_url + path, timeout=WAIT_S).status_code == 200


def test_the_key_is_asked_for_before_the_body_is_read(guarded: LiveServer) -> None:
    head = b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection(guarded.address, timeout=WAIT_S) as connection:
        connection.sendall(head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_a_client_that_waits_for_leave_to_send_its_body_never_gets_it(guarded: LiveServer) -> None:
    head = b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(guarded.address, timeout=WAIT_S) as connection:
        connection.sendall(head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_a_connection_serves_on_after_a_wrong_key(guarded: LiveServer) -> None:
    with httpx.Client(base_url=guarded.url, timeout=WAIT_S) as client:
        assert client.post("/rerank", json=BODY).status_code == 401
        assert client.post("/rerank", json=BODY, headers={"Api-Key": KEY}).status_code == 200


def test_info_says_whether_a_key_is_needed(guarded: LiveServer, server: LiveServer) -> None:
    assert httpx.get(guarded.url + "/info", timeout=WAIT_S).json()["needs_key"] is True
    assert httpx.get(server.url + "/info", timeout=WAIT_S).json()["needs_key"] is False


def test_xinferences_client_is_told_to_send_its_key(guarded: LiveServer, server: LiveServer) -> None:
    assert httpx.get(guarded.url + "/v1/cluster/auth", timeout=WAIT_S).json() == {"auth": True}
    assert httpx.get(server.url + "/v1/cluster/auth", timeout=WAIT_S).json() == {"auth": False}


def test_log_and_metric_know_of_it_and_neither_holds_a_key(tmp_path: Path) -> None:
    with live_server(tmp_path, {"api_keys": KEY, "log_level": "info", "log_format": "json"}) as server:
        server.post(BODY, headers={"Authorization": "Bearer wrong-wrong", "X-Request-Id": "refused"})
        server.post(BODY, headers={"Authorization": f"Bearer {KEY}", "X-Request-Id": "let-in"})
    # A request is logged and counted after its answer has left, so only a server that has ended has said everything.
    lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
    # The process' one log may get a late line of an earlier test's server.
    found = {line["request_id"]: line for line in lines if line["event"] == "request"}
    refused, let_in = found["refused"], found["let-in"]
    assert (refused["code"], refused["status"], refused["caller"]) == ("Unauthenticated", 401, None)
    assert (let_in["code"], let_in["caller"]) == ("ok", sha256(KEY.encode()).hexdigest()[:8])
    assert not any(key in server.log.getvalue() for key in (KEY, "wrong-wrong"))
    assert server.metrics.registry.get_sample_value(ERRORS, {"code": "Unauthenticated"}) == 1


def test_nothing_that_is_served_or_logged_holds_a_secret(tmp_path: Path) -> None:
    secrets = {"keys_file": "a-key-in-a-file-of-keys", "jwt_secret_file": "s" * 40, "internal_token_file": "i" * 40}
    for name, secret in secrets.items():
        (tmp_path / name).write_text(f"{secret}\n")
    (tmp_path / "redis_password_file").write_text("hush-hush-password\n")
    files = {name: str(tmp_path / name) for name in (*secrets, "redis_password_file")}
    others = {"api_keys": KEY, "jwt_issuer": "i", "jwt_audience": "a", "redis_url": "redis://127.0.0.1:1/0"}
    flags = {**files, **others, "requests_per_minute": 1_000, "log_level": "info"}
    with live_server(tmp_path, flags) as server:
        for key in (KEY, KEY, KEY, *secrets.values(), "wrong-wrong"):
            server.post(BODY, headers={"Authorization": f"Bearer {key}"})
        pages = [
            httpx.get(address + path, headers={"Api-Key": KEY}, timeout=WAIT_S).text
            for address in (server.url, server.management_url)
            for path in ("/info", "/metrics", "/openapi.json", "/guard", "/")
        ]
    shown = "\n".join([*pages, server.log.getvalue()])
    assert "needs_key" in shown
    assert "redis_left_alone" in shown
    assert [secret for secret in (KEY, *secrets.values(), "hush-hush-password", "wrong-wrong") if secret in shown] == []


def test_the_specification_names_the_ways_to_send_a_key_where_one_is_needed(
    guarded: LiveServer, server: LiveServer
) -> None:
    wants, open_to_all = (httpx.get(one.url + "/openapi.json", timeout=WAIT_S).json() for one in (guarded, server))
    assert set(wants["components"]["securitySchemes"]) == {"bearer", "api-key", "x-api-key"}
    assert "securitySchemes" not in open_to_all["components"]
    for path, operations in wants["paths"].items():
        for method, operation in operations.items():
            is_guarded = method == "post" or path in {"/metrics", "/v1/metrics", "/guard"}
            assert ("security" in operation) == bool(_refused(operation)) == is_guarded, path
            assert "security" not in open_to_all["paths"][path][method]
            # Nobody is an administrator where nobody says who they are.
            assert _refused(open_to_all["paths"][path][method]) == ({"403"} if path == "/guard" else set())
    assert _refused(wants["paths"]["/dialects/nim/v1/ranking"]["post"]) == {"403"}


def _refused(operation: dict[str, Any]) -> set[str]:
    return {status for status in ("401", "403") if status in operation["responses"]}


def test_a_server_whose_keys_cannot_be_read_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="holds no API key"), live_server(tmp_path, {"api_keys": ","}):
        pytest.fail("it started")
