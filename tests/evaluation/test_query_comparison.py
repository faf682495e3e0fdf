import numpy as np
import pytest

from bge_reranker.evaluation.cases import RankingCase
from bge_reranker.evaluation.measures import measures_by_case
from bge_reranker.evaluation.query_comparison import compare

CASES = [RankingCase(f"q{number}", {"right": 1, "wrong": 0, "other": 0}) for number in range(3)]


def rank_of_right(*ranks: int) -> dict[str, np.ndarray]:
    """Measures where the relevant document has these ranks."""
    rows = []
    for case, rank in zip(CASES, ranks, strict=True):
        order = [document for document in case.documents if document != "right"]
        order.insert(rank - 1, "right")
        rows.append([float(-order.index(document)) for document in case.documents])
    return measures_by_case(CASES, rows)


def test_queries_are_counted_and_the_greatest_loss_comes_first() -> None:
    found = compare(CASES, rank_of_right(1, 2, 3), rank_of_right(2, 2, 1), group="all")

    assert (found.better, found.equal, found.worse) == (1, 1, 1)
    assert [outcome.query for outcome in found.queries] == ["q2", "q1", "q0"]
    assert found.queries[0].gain == pytest.approx(1 / np.log2(4) - 1)


def test_differences_are_paired_means_of_each_measure() -> None:
    found = compare(CASES, rank_of_right(1, 1, 1), rank_of_right(2, 2, 2), group="all")

    difference = found.differences["mrr_at_10"]
    assert (difference.mean, difference.low, difference.high) == (0.5, 0.5, 0.5)
    assert found.differences["map"].mean == 0.5
    assert found.differences["recall_at_10"].mean == 0
