"""Receiving bodies: what the pace of large ones takes is not the client's time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from bge_reranker.api.body import LARGE_BODIES_BYTES_PER_S, Bodies
from bge_reranker.api.exchange import Arrived, RequestRecord
from bge_reranker.api.parsing import Keys
from bge_reranker.errors import RequestTimedOut
from bge_reranker.settings import HttpSettings

HALF = 20_000_000
PATIENCE_S = 0.3
LIMITS = HttpSettings(max_body_bytes=100_000_000, max_bodies_bytes=400_000_000, body_timeout_s=PATIENCE_S)


def read(messages: list[Message]) -> dict[str, Any]:
    """Read a body that is there at once; after the last message nothing comes."""

    async def receive() -> Message:
        return messages.pop(0) if messages else await asyncio.Future()

    async def body() -> dict[str, Any]:
        scope = {"type": "http", "headers": [], "bge_reranker.record": RequestRecord(Arrived("id", 0.0))}
        with ThreadPoolExecutor(1) as executor:
            return await Bodies(LIMITS, executor, Keys(frozenset({"query"}))).read(Request(scope, receive))

    return asyncio.run(body())


def test_a_client_is_not_blamed_for_the_time_that_the_pace_takes() -> None:
    assert 2 * HALF / LARGE_BODIES_BYTES_PER_S > PATIENCE_S
    parts = [b'{"query": "' + b"x" * HALF, b"x" * HALF, b'"}']
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": number < 3} for number, part in enumerate(parts, 1)
    ]
    assert read(messages) == {"query": "x" * 2 * HALF}


def test_a_client_that_sends_no_more_is_told_so_however_much_it_has_sent() -> None:
    with pytest.raises(RequestTimedOut, match=r"\(20000000 bytes came\)"):
        read([{"type": "http.request", "body": b"x" * HALF, "more_body": True}])
