"""Which answers are right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bge_reranker.loadtest.answers import AnswerCheck, WrongAnswer

SHAPES: list[Any] = [
    {"results": [{"index": 1, "score": 0.9, "text": "b"}, {"index": 0, "score": 0.1}], "usage": {"tokens": 3}},
    {"id": "x", "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
    [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}],
    {"rankings": [{"index": 1, "logit": 0.9}, {"index": 0, "logit": 0.1}]},
    {"data": [{"index": 0, "object": "score", "score": 0.1}, {"index": 1, "score": 0.9}]},
    {"predictions": [[{"score": 0.1}, {"score": 0.9}]]},
    [0.1, 0.9],
]


@pytest.mark.parametrize("answer", SHAPES)
def test_scores_are_found_in_any_shape(answer: Any) -> None:
    check = AnswerCheck(0.0)
    check.check(0, 2, "v", json.dumps(answer).encode())
    # The same scores in another shape are the same answer.
    check.check(0, 2, "v", json.dumps(SHAPES[0]).encode())
    with pytest.raises(WrongAnswer, match="another score"):
        check.check(0, 2, "v", json.dumps([0.9, 0.1]).encode())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"<html>", "JSON"),
        (b"{}", "0 scores for 2"),
        (b'{"results": []}', "0 scores for 2"),
        (b'[{"index": 0, "score": 0.5}]', "1 scores for 2"),
        (b'[{"index": 0, "score": 0.5}, {"index": 0, "score": 0.4}]', "1 scores for 2"),
        (b'[{"index": 0, "score": 0.5}, {"index": 1, "score": null}]', "finite"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong(answer: bytes, why: str) -> None:
    with pytest.raises(WrongAnswer, match=why):
        AnswerCheck(0.1).check(0, 2, "v", answer)


def test_scores_are_compared_within_a_version_and_a_question() -> None:
    check = AnswerCheck(0.01)
    check.check(0, 2, "v1", b"[0.1, 0.9]")
    check.check(0, 2, "v2", b"[0.3, 0.9]")
    check.check(1, 2, "v1", b"[0.5, 0.9]")
    check.check(0, 2, "v1", b"[0.105, 0.9]")
    assert check.largest_difference == pytest.approx(0.005)
    with pytest.raises(WrongAnswer):
        check.check(0, 2, "v1", b"[0.2, 0.9]")
