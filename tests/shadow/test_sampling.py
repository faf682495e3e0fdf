"""What is sampled, what waits, and what is dropped."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from bge_reranker.errors import NonFiniteScore
from bge_reranker.ranking.ranking import Ranking, Timing
from bge_reranker.ranking.request import RankRequest
from bge_reranker.shadow.sample import MOST_DOCUMENTS, Sample
from bge_reranker.shadow.sample_queue import SampleQueue

REQUEST = RankRequest("q", ["good", "bad"])


def ranking(count: int, errors: dict[int, NonFiniteScore] | None = None) -> Ranking:
    return Ranking(
        logits=np.arange(count, dtype=np.float32),
        errors=errors or {},
        tokens=np.ones(count, dtype=np.int32),
        truncated=np.zeros(count, dtype=np.bool_),
        timing=Timing(0.0, 0.0, 0.0),
    )


def sample(request: RankRequest = REQUEST) -> Sample:
    found = Sample.of(request, ranking(len(request.documents)), 0.1)
    assert found is not None
    return found


def test_the_shadow_is_asked_the_same_less_urgently_and_for_logits() -> None:
    request = replace(REQUEST, max_pair_tokens=16, long_documents="windows_max", priority=-5)
    assert orjson.loads(sample(request).body()) == {
        "query": "q",
        "candidates": ["good", "bad"],
        "max_pair_tokens": 16,
        "long_documents": "windows_max",
        "raw_scores": True,
        "priority": 999,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"queries": ["q", "r"]},
        {"limits_query_to_half": True},
        {"max_document_tokens": 5},
        {"max_windows": 2},
        {"window_overlap_tokens": 3},
        {"documents": []},
        {"documents": ["x"] * (MOST_DOCUMENTS + 1)},
    ],
)
def test_what_the_native_dialect_cannot_ask_is_no_sample(changes: dict[str, Any]) -> None:
    request = replace(REQUEST, **changes)
    assert Sample.of(request, ranking(len(request.documents)), 0.1) is None


def test_a_request_of_which_a_document_failed_is_no_sample() -> None:
    assert Sample.of(REQUEST, ranking(2, {1: NonFiniteScore("no number")}), 0.1) is None


def test_what_does_not_fit_is_dropped_until_something_was_taken() -> None:
    one = sample()
    assert one.held_bytes == sum(map(sys.getsizeof, ["q", "good", "bad"]))
    queue = SampleQueue(2 * one.held_bytes)
    assert [queue.offer(one) for _ in range(3)] == [True, True, False]
    assert queue.take(0) is one
    assert queue.offer(sample())
    assert (queue.clear(), len(queue)) == (2, 0)
    assert [queue.offer(one) for _ in range(3)] == [True, True, False]


def test_an_empty_queue_gives_nothing_and_a_closed_one_takes_nothing() -> None:
    queue = SampleQueue(10_000)
    assert queue.take(0) is None
    queue.close()
    assert not queue.offer(sample())
    assert queue.take(60) is None


def test_closing_wakes_whoever_waits() -> None:
    queue, got = SampleQueue(10_000), []
    waiting = threading.Thread(target=lambda: got.append(queue.take(60)))
    waiting.start()
    queue.close()
    waiting.join(20)
    assert got == [None]
