"""Whole numbers that need more than 64 bits."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.live.server import LiveServer


@pytest.mark.parametrize("number", [2**64 - 1, 2**64, 10**40, -(2**63), -(2**63) - 1], ids=str)
@pytest.mark.parametrize("text", ["good", "\ud800"], ids=["plain", "a lone surrogate"])
def test_numbers_of_any_size_that_came_with_a_document_go_back_digit_by_digit(
    server: LiveServer, number: int, text: str
) -> None:
    content = json.dumps({"query": "q", "candidates": [{"text": text, "id": number, "metadata": [{"a": number}]}]})
    result = httpx.post(server.url + "/rerank", content=content.encode()).json()["results"][0]
    assert (result["id"], result["metadata"]) == (number, [{"a": number}])
    body = {"query": "q", "documents": [{"text": "good", "id": number}], "return_documents": True}
    assert server.post(body).json()["results"][0]["document"]["id"] == number


def test_a_number_of_more_digits_than_can_be_read_is_refused_naming_the_limit(server: LiveServer) -> None:
    content = b'{"query": "q", "candidates": [{"text": "a", "id": %s}]}' % (b"9" * 5_000)
    answer = httpx.post(server.url + "/rerank", content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidBody")
    assert "5000 digits; the limit is 4300" in answer.json()["message"]


def test_a_field_that_needs_more_than_64_bits_is_refused_by_name(server: LiveServer) -> None:
    answer = server.post({"query": "q", "candidates": ["a"], "top_n": 10**30})
    assert (answer.status_code, answer.json()["message"]) == (
        422,
        "`top_n` needs more than 64 bits. Send a smaller number.",
    )
