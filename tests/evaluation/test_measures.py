import math

import pytest

from bge_reranker.evaluation.cases import RankingCase
from bge_reranker.evaluation.measures import measure_rankings


def scores_in_order(case: RankingCase, order: list[str]) -> list[float]:
    return [float(-order.index(document)) for document in case.documents]


def test_measures_equal_hand_computed_values_when_the_answer_is_third() -> None:
    case = RankingCase("q", {"a": 0, "b": 0, "c": 1, "d": 0})

    measures = measure_rankings([case], [scores_in_order(case, ["a", "b", "c", "d"])])

    # One relevant document at place 3: gain 1 / log2(4) over the best possible 1 / log2(2).
    assert measures.ndcg_at_10 == pytest.approx(0.5)
    assert measures.mrr_at_10 == pytest.approx(1 / 3)


def test_ndcg_weighs_grades_when_two_documents_are_relevant() -> None:
    case = RankingCase("q", {"good": 2, "fair": 1, "bad": 0})

    measures = measure_rankings([case], [scores_in_order(case, ["fair", "good", "bad"])])

    best = 2 + 1 / math.log2(3)
    assert measures.ndcg_at_10 == pytest.approx((1 + 2 / math.log2(3)) / best)
    assert measures.mrr_at_10 == pytest.approx(1.0)


def test_measures_are_zero_when_the_answer_lies_beyond_the_tenth_place() -> None:
    grades = {f"document {number}": 0 for number in range(10)} | {"answer": 1}
    case = RankingCase("q", grades)

    measures = measure_rankings([case], [scores_in_order(case, list(grades))])

    assert measures.ndcg_at_10 == 0
    assert measures.mrr_at_10 == 0


def test_all_measures_see_one_order_when_scores_are_equal() -> None:
    for answer in "abcdef":
        case = RankingCase("q", {text: int(text == answer) for text in "abcdef"})

        measures = measure_rankings([case], [[1.0] * 6])

        place = 1 / measures.mrr_at_10
        assert measures.ndcg_at_10 == pytest.approx(1 / math.log2(place + 1))


def test_measures_are_means_over_queries() -> None:
    first = RankingCase("one", {"yes": 1, "no": 0})
    second = RankingCase("two", {"yes": 1, "no": 0})

    measures = measure_rankings(
        [first, second], [scores_in_order(first, ["yes", "no"]), scores_in_order(second, ["no", "yes"])]
    )

    assert measures.mrr_at_10 == pytest.approx(0.75)
    assert measures.ndcg_at_10 == pytest.approx((1 + 1 / math.log2(3)) / 2)
