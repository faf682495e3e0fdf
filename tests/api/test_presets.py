"""A preset chosen by one request: what it settles, and what the request's own fields settle before it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.server import LiveServer

# <s> query </s></s> document </s>: 60 of 64 places are for texts. The document is all `good`, so its score is the
# number of its tokens that were read.
LONG = {"query": "q " * 56, "candidates": ["good " * 40], "raw_scores": True}


@pytest.mark.parametrize(
    ("changes", "document_tokens"),
    [
        ({}, 30),
        ({"preset": "crossencoder"}, 30),
        ({"preset": "tei"}, 30),
        ({"preset": "FlagReranker"}, 60 - 48),
        ({"preset": "flagreranker", "max_query_tokens": 10}, 40),
        ({"preset": "flagreranker", "truncation": "longest_first"}, 30),
        ({"preset": "flagreranker", "max_pair_tokens": 32}, 28 - 24),
    ],
)
def test_a_preset_decides_what_is_cut_unless_the_request_says_more(
    server: LiveServer, changes: dict[str, Any], document_tokens: int
) -> None:
    result = server.post(LONG | changes).json()["results"][0]
    assert result["score"] == document_tokens


def test_an_unknown_preset_is_refused_by_name(server: LiveServer) -> None:
    answer = server.post(LONG | {"preset": "mine"})
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidField")
    assert "`preset` is 'mine'; it must be one of: crossencoder, flagreranker, tei." in answer.json()["message"]
