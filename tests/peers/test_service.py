"""What a starting server gets to know of others: real ones, and ones that hang, lie or are not ready."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bge_reranker.evaluation.verdict import CutOffEquivalent, GateVerdict
from bge_reranker.peers.asking import PeerSilent
from bge_reranker.peers.discovery import addresses
from bge_reranker.peers.info import PeerInfo, read_info
from bge_reranker.peers.reference import PeerRefused
from bge_reranker.peers.service import Peer, ServicePeers
from tests.live.server import LiveServer, live_server
from tests.serving.test_certificates import write_pair

from .answering import Script, answering, drips, says, says_nothing

DIGEST = "d" * 64
TOKEN = "a-token-of-the-servers"
QUESTIONS = [("q", ["good good", "bad", "good"]), ("another", ["bad", "good"])]
INFO: dict[str, Any] = {
    "ready": True,
    "model": {"digest": DIGEST},
    "scorer": {"precision": "float32", "runtime": "test"},
    "text": {},
}
PEER = Peer("127.0.0.1", PeerInfo.model_validate(INFO))


def peers_of(server: LiveServer, token: str | None = None) -> ServicePeers:
    port, management_port = (int(url.rpartition(":")[2]) for url in (server.url, server.management_url))
    return ServicePeers("127.0.0.1", port, management_port, token)


def alone(port: int) -> ServicePeers:
    return ServicePeers("127.0.0.1", port, port, None)


def test_a_ready_server_says_what_it_serves_and_ranks_as_it_does(server: LiveServer) -> None:
    (peer,) = peers_of(server).ready()
    assert (peer.info.model.digest, peer.info.scorer.precision, peer.info.gate) == (DIGEST, "float32", None)
    first, second = peers_of(server).logits(peer, QUESTIONS, 20)
    assert (first.tolist(), second.tolist()) == ([2, -1, 1], [-1, 1])


def test_a_verdict_is_shown_to_other_servers_and_not_to_callers(fresh_server: LiveServer) -> None:
    verdict = GateVerdict("f" * 64, "passed", {"ndcg_at_10": 0.9}, (CutOffEquivalent("a", 0.5, None),), "e" * 64)
    assert fresh_server.state.model is not None
    fresh_server.state.model = replace(fresh_server.state.model, gate=verdict)
    (peer,) = peers_of(fresh_server).ready()
    assert peer.info.gate is not None
    assert peer.info.gate.model_dump() == verdict.as_json()
    (seen_by_callers,) = ServicePeers("127.0.0.1", 0, int(fresh_server.url.rpartition(":")[2]), None).ready()
    assert seen_by_callers.info.gate is None


def test_a_server_that_is_not_ready_is_none(fresh_server: LiveServer) -> None:
    fresh_server.state.is_draining = True
    assert peers_of(fresh_server).ready() == []
    fresh_server.state.is_draining = False
    model, fresh_server.state.model = fresh_server.state.model, None
    assert peers_of(fresh_server).ready() == []
    fresh_server.state.model = model


def test_the_servers_own_token_opens_what_callers_keys_open(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    flags = {"api_keys": "a-caller-key", "internal_token_file": str(file)}
    with live_server(tmp_path, flags) as guarded:
        assert peers_of(guarded, TOKEN).logits(PEER, QUESTIONS, 20)[0].tolist() == [2, -1, 1]
        with pytest.raises(PeerRefused, match=r"answered 401 \(Unauthenticated\)"):
            peers_of(guarded).logits(PEER, QUESTIONS, 20)


def test_a_token_alone_keeps_no_caller_out(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with live_server(tmp_path, {"internal_token_file": str(file)}) as open_to_all:
        assert open_to_all.is_well()


@pytest.mark.parametrize("script", [says_nothing, drips], ids=["silent", "dripping"])
def test_a_server_that_hangs_is_not_ready_and_ranks_nothing(script: Script) -> None:
    with answering(script) as port:
        impatient = ServicePeers("127.0.0.1", port, port, None, info_s=0.2, grace_s=0.3)
        assert impatient.ready() == []
        with pytest.raises(PeerSilent):
            impatient.logits(PEER, QUESTIONS, 0.2)


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b"[]",
        {**INFO, "ready": "yes"},
        {**INFO, "model": {"digest": "short"}},
        {**INFO, "gate": {"hash": "f" * 64, "verdict": "excellent", "figures": {}, "cut_offs": []}},
        {**INFO, "text": {"a": "b" * 300_000}},
        {"ready": True},
    ],
    ids=lambda content: str(content)[:40],
)
def test_a_description_of_another_shape_is_none(content: Any) -> None:
    with answering(says(content)) as port:
        assert alone(port).ready() == []


def test_a_port_without_a_server_is_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert alone(port).ready() == []


def ranking(*scores: Any, indices: Sequence[int] | None = None) -> dict[str, Any]:
    numbers = range(len(scores)) if indices is None else indices
    return {"results": [{"index": index, "score": score} for index, score in zip(numbers, scores, strict=True)]}


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (says(ranking(1.0, 0.0, 2.0), x_model_digest="e" * 64), "another model ranked"),
        (says(ranking(1.0, 0.0, 2.0)), "another model ranked"),
        (says(ranking(1.0, 0.0), x_model_digest=DIGEST), "each document once"),
        (says(ranking(1.0, 0.0, 2.0, indices=[0, 0, 1]), x_model_digest=DIGEST), "each document once"),
        (says(ranking(1.0, 0.0, 2.0, indices=[1, 2, 3]), x_model_digest=DIGEST), "each document once"),
        (says(ranking(1.0, "high", 2.0), x_model_digest=DIGEST), "is no ranking"),
        (says(b'{"results": [{"index": 0, "score": NaN}]}', x_model_digest=DIGEST), "no number"),
        (says(b'{"results": [{"index": 0, "score": 1e999}]}', x_model_digest=DIGEST), "no number"),
        (says(b"[]", x_model_digest=DIGEST), "is no ranking"),
        (says({}, "401 Unauthorized"), "answered 401"),
        (says({}, "422 Unprocessable", x_error_code="InvalidField"), r"answered 422 \(InvalidField\)"),
    ],
)
def test_a_server_that_refuses_or_lies_is_of_no_use(script: Script, reason: str) -> None:
    with answering(script) as port, pytest.raises(PeerRefused, match=reason):
        alone(port).logits(PEER, QUESTIONS, 10)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable", "500 Oops"])
def test_a_server_that_is_busy_or_broken_may_be_asked_again(status: str) -> None:
    with answering(says({}, status)) as port, pytest.raises(PeerSilent, match=status[:3]):
        alone(port).logits(PEER, QUESTIONS, 10)


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    def endless(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")

    with answering(endless) as port, pytest.raises(PeerSilent, match="more than"):
        alone(port).logits(PEER, QUESTIONS, 20)


def resolving(**found: list[str]) -> Any:
    def resolve(host: str, _port: None, **_options: Any) -> list[tuple[Any, ...]]:
        if host not in found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found[host]]

    return resolve


def test_a_name_stands_for_every_address_that_it_has() -> None:
    resolve = resolving(headless=["10.0.0.2", "10.0.0.1", "fd00::1"], other=["10.0.0.2"])
    assert addresses("headless, other, unknown", 5, resolve) == ["10.0.0.1", "10.0.0.2", "[fd00::1]"]


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    asked, release = threading.Event(), threading.Event()

    def hang(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        asked.set()
        release.wait()
        return []

    assert addresses("headless", 0.1, hang) == []
    assert asked.is_set()
    release.set()


def test_what_a_description_has_besides_is_left_out() -> None:
    found = read_info(json.dumps({**INFO, "secret": 1, "model": {"digest": DIGEST, "name": "x"}}).encode())
    assert found is not None
    assert set(found.model_dump()) == {"ready", "model", "scorer", "text", "gate"}


def test_the_same_version_has_the_same_digest_precision_runtime_and_text_policy() -> None:
    same: dict[str, Any] = {"digest": DIGEST, "precision": "float32", "runtime": "test", "text": {}}
    others: list[dict[str, Any]] = [
        {"digest": "e" * 64},
        {"precision": "float16"},
        {"runtime": "other"},
        {"text": {"preset": "tei"}},
    ]
    assert PEER.info.serves(**same)
    assert [PEER.info.serves(**{**same, **other}) for other in others] == [False] * len(others)


def test_logits_come_back_in_the_order_of_the_documents() -> None:
    script = says(ranking(3.0, 2.0, 1.0, indices=[2, 0, 1]), x_model_digest=DIGEST)
    with answering(script) as port:
        (found,) = alone(port).logits(PEER, QUESTIONS[:1], 10)
    assert np.array_equal(found, [2.0, 1.0, 3.0])


def tls_of(folder: Path) -> ssl.SSLContext:
    folder.mkdir()
    write_pair(folder, "reranker.search.svc")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


def test_servers_that_speak_tls_know_each_other_by_their_certificate(tmp_path: Path) -> None:
    ours, theirs = tls_of(tmp_path / "ours"), tls_of(tmp_path / "theirs")
    script = says(ranking(3.0, 2.0, 1.0), x_model_digest=DIGEST)
    for context, is_known in ((ours, True), (theirs, False)):
        with answering(script, context) as port:
            peers = ServicePeers("127.0.0.1", port, port, TOKEN, certificates=tmp_path / "ours" / "tls.crt")
            if is_known:
                assert peers.logits(PEER, QUESTIONS[:1], 10)[0].tolist() == [3, 2, 1]
            else:
                with pytest.raises(PeerSilent):
                    peers.logits(PEER, QUESTIONS[:1], 10)
