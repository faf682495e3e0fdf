from __future__ import annotations

import random

import httpx
import pytest

from tests.live.server import LiveServer

from .check import complaint
from .requests import random_request


def test_five_hundred_malformed_requests_get_proper_answers(server: LiveServer) -> None:
    with httpx.Client(base_url=server.url, timeout=20) as client:
        for number in range(500):
            request = random_request(random.Random(f"test-{number}"))
            answer = client.request(request.method, request.path, headers=request.headers, content=request.content)
            assert complaint(answer) is None, (request, answer.status_code, answer.text[:500])
    assert server.is_well()


@pytest.mark.parametrize(
    ("status", "content"),
    [(500, b'{"code": "InternalError"}'), (200, b"Internal Server Error"), (422, b'{"detail": []}')],
)
def test_the_check_would_notice_a_wrong_answer(status: int, content: bytes) -> None:
    assert complaint(httpx.Response(status, content=content, headers={"x-request-id": "1"})) is not None
