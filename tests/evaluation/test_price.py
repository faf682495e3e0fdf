from __future__ import annotations

import numpy as np
import pytest

from bge_reranker.evaluation.cases import RankingCase
from bge_reranker.evaluation.price import kendall_tau, measure_price

CASE = RankingCase("q", {"good": 1, "bad": 0, "worse": 0})


@pytest.mark.parametrize(("second", "tau"), [([1, 2, 3], 1.0), ([3, 2, 1], -1.0), ([1, 3, 2], 1 / 3), ([1, 1, 1], 0.0)])
def test_kendall_tau_counts_pairs_of_places_in_the_same_order(second: list[float], tau: float) -> None:
    assert kendall_tau(np.array([1.0, 2, 3]), np.array(second, dtype=np.float64)) == pytest.approx(tau)


def test_places_that_are_equal_in_both_agree() -> None:
    assert kendall_tau(np.array([1.0, 1, 2]), np.array([3.0, 3, 4])) == pytest.approx(1)
    assert kendall_tau(np.array([1.0, 1]), np.array([3.0, 3])) == 1
    assert kendall_tau(np.array([1.0, 1, 2]), np.array([3.0, 4, 5])) == pytest.approx(2 / 6**0.5)


def test_equal_logits_cost_nothing_and_pass() -> None:
    price = measure_price([CASE], [[3.0, 2, 1]], [[3.0, 2, 1]])
    assert (price.max_difference, price.kendall_tau, price.ndcg_loss) == (0, 1, 0)
    assert price.objections() == []


def test_turned_order_is_refused_for_both_reasons() -> None:
    exact = [10.0 if text == "good" else 0.0 + index for index, text in enumerate(CASE.documents)]
    price = measure_price([CASE], [exact], [[-logit for logit in exact]])
    assert price.kendall_tau == -1
    assert [text.split()[0] for text in price.objections()] == ["Kendall", "nDCG@10"]
