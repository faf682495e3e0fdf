"""A server that wants keys or tokens, over real sockets: scopes, rotation under load, tokens, the words of dialects."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from typing_extensions import override

from bge_reranker.api.dispatch import DIALECTS
from bge_reranker.guard.api_keys import hashed
from tests.live.server import WAIT_S, LiveServer, live_server

BODY = {"query": "q", "candidates": ["bad", "good"]}
ISSUER, AUDIENCE = "https://issuer.example", "bge-reranker"
SIGNING_KEY = ec.generate_private_key(ec.SECP256R1())
KEYS = f"""# callers
{hashed("the-key-for-search")} name=search
{hashed("the-key-for-metrics")} name=prometheus scopes=metrics
{hashed("the-key-of-an-admin")} name=admin scopes=admin,metrics,rerank
"""


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def token(**changed: Any) -> str:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "jobs", "exp": time.time() + 60, **changed}
    return jwt.encode(claims, SIGNING_KEY, algorithm="ES256", headers={"kid": "e1"})


class _KeySet(BaseHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        key = {**json.loads(ECAlgorithm.to_jwk(SIGNING_KEY.public_key())), "kid": "e1"}
        content = json.dumps({"keys": [key]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def issuer() -> Iterator[str]:
    """An address of keys until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _KeySet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/keys"
        server.shutdown()
        thread.join(WAIT_S)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with hashed keys of several scopes, and an issuer of tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(KEYS)
    with issuer() as jwks_url:
        flags = {
            "keys_file": str(folder / "keys"),
            "jwt_issuer": ISSUER,
            "jwt_audience": AUDIENCE,
            "jwks_url": jwks_url,
        }
        with live_server(folder, flags) as running:
            yield running


def get(server: LiveServer, path: str, credential: str | None = None) -> httpx.Response:
    return httpx.get(server.url + path, headers=bearer(credential) if credential else {}, timeout=WAIT_S)


def test_a_hashed_key_and_a_token_open(guarded: LiveServer) -> None:
    for credential in ("the-key-for-search", token()):
        assert guarded.post(BODY, headers=bearer(credential)).status_code == 200
        assert guarded.post(BODY, headers={"X-Api-Key": credential}).status_code == 200


@pytest.mark.parametrize("changed", [{"exp": 1}, {"aud": "other"}, {"iss": "other"}, {"sub": ""}])
def test_a_token_that_does_not_open_says_why_and_is_not_repeated(guarded: LiveServer, changed: dict[str, Any]) -> None:
    made = token(**changed)
    answer = guarded.post(BODY, headers=bearer(made))
    assert (answer.status_code, answer.json()["code"]) == (401, "Unauthenticated")
    assert made not in answer.text


@pytest.mark.parametrize(
    ("credential", "path", "status"),
    [
        (None, "/metrics", 401),
        ("the-key-for-search", "/metrics", 403),
        ("the-key-for-metrics", "/metrics", 200),
        ("the-key-for-metrics", "/v1/metrics", 200),
        ("the-key-of-an-admin", "/metrics", 200),
        ("the-key-for-metrics", "/guard", 403),
        ("the-key-of-an-admin", "/guard", 200),
        (None, "/guard", 401),
    ],
)
def test_a_route_wants_its_scope(guarded: LiveServer, credential: str | None, path: str, status: int) -> None:
    answer = get(guarded, path, credential)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status != 200)


def test_a_token_without_the_scope_ranks_nothing(guarded: LiveServer) -> None:
    answer = guarded.post(BODY, headers=bearer(token(scope="openid metrics")))
    assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden")
    assert "insufficient_scope" in answer.headers["www-authenticate"]
    assert get(guarded, "/metrics", token(scope="openid metrics")).status_code == 200


def test_who_is_known_is_shown_to_an_admin_without_anything_that_would_open(guarded: LiveServer) -> None:
    guarded.post(BODY, headers=bearer(token()))
    shown = get(guarded, "/guard", "the-key-of-an-admin")
    facts = shown.json()
    assert [key["name"] for key in facts["keys"]] == ["search", "prometheus", "admin"]
    assert facts["tokens"]["keys"] == [{"kid": "e1", "algorithm": "ES256"}]
    assert all(len(key["fingerprint"]) == 8 for key in facts["keys"])
    assert "the-key" not in shown.text


def test_nobody_is_an_admin_where_nobody_says_who_they_are(server: LiveServer) -> None:
    assert get(server, "/guard").status_code == 403
    assert get(server, "/metrics").status_code == 200


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    ("credential", "code"), [("wrong-wrong", "Unauthenticated"), ("the-key-for-metrics", "Forbidden")]
)
def test_each_dialect_refuses_in_its_form(guarded: LiveServer, name: str, credential: str, code: str) -> None:
    dialect = DIALECTS[name]
    answer = guarded.post({}, path=f"/dialects/{name}{dialect.routes[0]}", headers=bearer(credential))
    body = answer.json()
    assert answer.status_code == (403 if code == "Forbidden" else dialect.statuses.wrong_key)
    assert body["code"] == answer.headers["x-error-code"] == code
    assert isinstance(body["error"], dict) == (dialect.error_object != "never")
    assert isinstance(body["detail"], list) == dialect.lists_problems


def test_keys_are_rotated_under_load_without_a_request_refused(tmp_path: Path) -> None:
    """Both keys stand in the file for a while; whoever uses either is never refused, and the old one ends."""
    file, old, new = tmp_path / "keys", "the-old-key-of-a-team", "the-new-key-of-a-team"

    def write(*keys: str) -> None:
        (tmp_path / "keys.new").write_text("".join(f"{hashed(key)} name=team\n" for key in keys))
        (tmp_path / "keys.new").rename(file)

    write(old)
    with live_server(tmp_path, {"keys_file": str(file)}) as server, httpx.Client(timeout=WAIT_S) as client:
        current, statuses, stopped = [old], [], threading.Event()

        def load() -> None:
            with httpx.Client(timeout=WAIT_S) as loading:
                while not stopped.is_set():
                    answer = loading.post(f"{server.url}/rerank", json=BODY, headers=bearer(current[0]))
                    statuses.append(answer.status_code)

        def wait_for(key: str, status: int) -> None:
            deadline = time.monotonic() + WAIT_S
            while client.post(f"{server.url}/rerank", json=BODY, headers=bearer(key)).status_code != status:
                assert time.monotonic() < deadline, f"no {status} in time"

        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        write(old, new)
        wait_for(new, 200)
        current[0] = new
        write(new)
        wait_for(old, 401)
        stopped.set()
        for thread in threads:
            thread.join(WAIT_S)
    assert set(statuses) == {200}


def test_without_its_issuer_a_server_starts_and_says_when_to_come_back(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(KEYS)
    flags = {
        "keys_file": str(tmp_path / "keys"),
        "jwt_issuer": ISSUER,
        "jwt_audience": AUDIENCE,
        "jwks_url": "http://127.0.0.1:1/keys",
    }
    with live_server(tmp_path, flags) as server:
        answer = server.post(BODY, headers=bearer(token()))
        assert (answer.status_code, answer.json()["code"]) == (503, "TokenKeysUnavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert server.is_well("the-key-for-search")
        read = server.metrics.registry.get_sample_value(
            "bge_reranker_credential_reads_total", {"source": "jwks_url", "outcome": "failed"}
        )
        assert read == 1


HOSTILE: dict[str, list[tuple[bytes, bytes]]] = {
    "other bytes": [(b"Authorization", b"Bearer \xff\xfe\x80")],
    "sixty kilobytes": [(b"Authorization", b"Bearer " + b"x" * 60_000)],
    "thousands of keys": [(b"X-Api-Key", b"wrong-%d" % number) for number in range(2_000)],
    "a token of sixty kilobytes": [(b"Authorization", b"Bearer " + b"A" * 30_000 + b"." + b"A" * 30_000 + b".A")],
    "a header of a token that is nested": [(b"Authorization", b"Bearer " + b"W1tb" * 2_000 + b".e30.AA")],
    "a password without end": [(b"Authorization", b"Basic " + b"Og" * 20_000)],
    "an empty token": [(b"Authorization", b"Bearer ..")],
    "a digest as it stands in the file": [(b"X-Api-Key", hashed("the-key-for-search").encode())],
}


@pytest.mark.parametrize("headers", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_is_sent_as_a_credential_is_refused_and_costs_nobody_else_anything(
    guarded: LiveServer, headers: list[tuple[bytes, bytes]]
) -> None:
    answer = httpx.post(f"{guarded.url}/rerank", json=BODY, headers=headers, timeout=WAIT_S)
    assert (answer.status_code, answer.json()["code"]) == (401, "Unauthenticated")
    assert guarded.is_well("the-key-for-search")


def test_only_the_first_credentials_of_a_request_are_looked_at(guarded: LiveServer) -> None:
    wrong = [("X-Api-Key", f"wrong-{number}") for number in range(7)]
    right = ("X-Api-Key", "the-key-for-search")
    statuses = [
        httpx.post(f"{guarded.url}/rerank", json=BODY, headers=headers, timeout=WAIT_S).status_code
        for headers in ([*wrong, right], [*wrong, wrong[0], right])
    ]
    assert statuses == [200, 401]
