"""How two versions' scores of one request are compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bge_reranker.evaluation.comparison import Comparison, Report, compare
from bge_reranker.evaluation.price import kendall_tau


def logits(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values, dtype=np.float64)


def test_the_same_scores_agree_in_everything() -> None:
    same = logits(3, 1, 2)
    assert compare(same, same, kendall_tau) == Comparison(1.0, 1.0, 0.0)


def test_an_order_reversed_agrees_in_nothing_but_the_set_of_results() -> None:
    found = compare(logits(1, 2, 3), logits(3, 2, 1), kendall_tau)
    assert (found.kendall_tau, found.top_overlap) == (-1.0, 1.0)
    # |sigmoid(1) - sigmoid(3)| twice, over three documents.
    assert found.score_drift == pytest.approx(2 * (0.952574 - 0.731059) / 3, abs=1e-6)


def test_one_document_has_no_order_and_yet_a_score() -> None:
    found = compare(logits(0), logits(1), kendall_tau)
    assert (found.kendall_tau, found.top_overlap) == (None, 1.0)
    assert found.score_drift == pytest.approx(0.231059, abs=1e-6)


def test_the_overlap_is_of_the_first_ten() -> None:
    served = -np.arange(20, dtype=np.float64)
    shadow = served.copy()
    shadow[[3, 15]] = shadow[[15, 3]]
    assert compare(served, shadow, kendall_tau).top_overlap == 0.9


@given(
    arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e3, 1e3)).flatmap(
        lambda first: st.tuples(st.just(first), arrays.arrays(np.float64, len(first), elements=st.floats(-1e3, 1e3)))
    )
)
def test_figures_stay_in_their_bounds(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found = compare(*pair, kendall_tau)
    assert 0 <= found.top_overlap <= 1
    assert 0 <= found.score_drift <= 1
    assert found.kendall_tau is None or -1 - 1e-9 <= found.kendall_tau <= 1 + 1e-9


def test_a_report_has_the_means_and_counts_orders_apart() -> None:
    report = Report("d" * 64).having(Comparison(1.0, 1.0, 0.1)).having(Comparison(None, 0.5, 0.3))
    report = report.having(Comparison(0.0, 0.0, 0.2))
    assert report.as_json() == {
        "digest": "d" * 64,
        "comparisons": 3,
        "orders": 2,
        "kendall_tau": 0.5,
        "overlap_at_10": pytest.approx(0.5),
        "score_drift": pytest.approx(0.2),
    }
