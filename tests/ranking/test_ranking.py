from __future__ import annotations

import numpy as np

from bge_reranker.errors import NonFiniteScore
from bge_reranker.ranking.ranking import Ranking, Timing, sigmoid


def ranking(*logits: float, failed: tuple[int, ...] = ()) -> Ranking:
    count = len(logits)
    return Ranking(
        logits=np.array(logits, dtype=np.float32),
        errors={index: NonFiniteScore("no score") for index in failed},
        tokens=np.full(count, 7, dtype=np.int32),
        truncated=np.zeros(count, dtype=np.bool_),
        timing=Timing(0.0, 0.0, 0.0),
    )


def test_sigmoid_of_extreme_logits_stays_between_zero_and_one_without_a_warning() -> None:
    scores = sigmoid(np.array([-1e30, -100, 0, 100, 1e30], dtype=np.float32))
    assert scores.dtype == np.float32
    assert scores.tolist() == [0.0, np.float32(np.exp(-100.0)), 0.5, 1.0, 1.0]


def test_sigmoid_of_a_published_logit_is_the_published_score() -> None:
    assert abs(float(sigmoid(np.array([-1.5263671875], dtype=np.float32))[0]) - 0.1785258315203034) < 1e-8


def test_order_is_best_first_and_decided_by_logits_where_sigmoids_are_equal() -> None:
    assert ranking(25.0, 30.0, 20.0).order() == [1, 0, 2]


def test_order_breaks_ties_as_the_dialect_wants() -> None:
    assert ranking(1.0, 2.0, 1.0).order() == [1, 0, 2]
    assert ranking(1.0, 2.0, 1.0).order(ties_high_index_first=True) == [1, 2, 0]


def test_order_leaves_out_what_has_no_score() -> None:
    assert ranking(9.0, 1.0, 2.0, failed=(0,)).order() == [2, 1]
    assert ranking(9.0, failed=(0,)).order() == []


def test_total_tokens_of_many_documents_do_not_overflow() -> None:
    many = Ranking(
        np.zeros(2, np.float32), {}, np.full(2, 2_000_000_000, np.int32), np.zeros(2, np.bool_), Timing(0, 0, 0)
    )
    assert many.total_tokens == 4_000_000_000
