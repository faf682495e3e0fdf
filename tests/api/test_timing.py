"""Where the time of an answer went, as its headers say."""

from __future__ import annotations

import httpx
import pytest

from tests.live.server import LiveServer

BODIES = [
    {"query": "q", "candidates": ["bad", "good good"]},
    {"query": "q", "texts": ["bad", "good good"]},
    {"query": "q", "documents": ["bad", "good good"]},
]


@pytest.mark.parametrize("body", BODIES, ids=["native", "tei", "jina"])
def test_every_dialect_carries_the_headers_that_clients_of_tei_read(
    server: LiveServer, body: dict[str, object]
) -> None:
    headers = server.post(body).headers
    assert headers["x-compute-type"] == "cpu"
    assert headers["x-compute-characters"] == str(len("q") + len("bad") + len("good good"))
    assert headers["x-compute-tokens"] == str(6 + 7)
    for name in ("compute-time", "total-time", "tokenization-time", "queue-time", "inference-time"):
        assert headers[f"x-{name}"].isdecimal()


def test_the_phases_are_parts_of_the_total(server: LiveServer) -> None:
    phases = _phases(server.post(BODIES[0]))
    assert list(phases) == ["tokenise", "queue", "compute", "total"]
    assert min(phases.values()) >= 0
    assert phases["tokenise"] + phases["compute"] <= phases["total"]


def test_a_refused_request_claims_no_times(server: LiveServer) -> None:
    assert "server-timing" not in server.post({"query": "q", "candidates": []}).headers


def _phases(answer: httpx.Response) -> dict[str, float]:
    parts = (part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
    return {name: float(milliseconds) for name, milliseconds in parts}
