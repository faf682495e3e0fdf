import math
from itertools import pairwise

import numpy as np
import pytest

from bge_reranker.evaluation.cases import RankingCase
from bge_reranker.evaluation.cut_off_advice import advise_cut_offs
from bge_reranker.evaluation.equivalence import equivalent_score
from bge_reranker.evaluation.thresholds import parse_cut_offs


def logit(score: float) -> float:
    return math.log(score / (1 - score))


def in_order(case: RankingCase, logits: list[float]) -> list[list[float]]:
    """Logits of the case's documents, given by their names in alphabetical order, as `advise_cut_offs` takes them."""
    by_name = dict(zip(sorted(case.documents), logits, strict=True))
    return [[by_name[document] for document in case.documents]]


def test_the_score_is_the_lowest_from_which_on_the_precision_holds() -> None:
    case = RankingCase("q", {"a": 1, "b": 1, "c": 0, "d": 1, "e": 0, "f": 0})
    scores = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6, "e": 0.5, "f": 0.4}
    logits = [[logit(scores[document]) for document in case.documents]]

    (three_quarters,) = advise_cut_offs([case], logits, [0.75])

    # Of a to d three in four are relevant, of a to e three in five.
    assert three_quarters.score == pytest.approx(0.6, abs=1e-6)
    assert three_quarters.precision is not None
    assert three_quarters.precision.mean == 0.75
    assert three_quarters.recall == 1
    (all_of_them,) = advise_cut_offs([case], logits, [1.0])
    assert all_of_them.score == pytest.approx(0.8, abs=1e-6)
    assert all_of_them.recall == pytest.approx(2 / 3)


def test_documents_of_one_score_are_kept_or_dropped_together() -> None:
    case = RankingCase("q", {"a": 1, "b": 0, "c": 0})

    (advice,) = advise_cut_offs([case], [[0.0, 0.0, 0.0]], [0.5])

    assert advice.score is None
    assert advice.option is None
    assert advice.objection == "No score has a precision of 0.5 from it on."


def test_nothing_is_advised_where_all_candidates_are_precise_enough() -> None:
    case = RankingCase("q", {"a": 1, "b": 1, "c": 0})

    for scores in ([2.0, 1.0, 0.0], [60.0, 60.0, 60.0]):
        (advice,) = advise_cut_offs([case], in_order(case, scores), [0.6])
        assert (advice.value, advice.recall) == (None, 1)
        assert advice.objection == "All candidates together have a precision of 0.6: none need be dropped."


@pytest.mark.parametrize(("shift", "score"), [(12.0, "0.999998"), (-12.0, "1.67014e-05"), (60.0, "1")])
def test_a_score_that_no_gate_takes_is_no_advice(shift: float, score: str) -> None:
    case = RankingCase("q", {"a": 1, "b": 0, "c": 0})

    (advice,) = advise_cut_offs([case], in_order(case, [shift + 1, shift, shift - 1]), [1.0])

    assert advice.value is None
    assert advice.objection is not None
    assert f"begins at a score of {score}, and the gate takes 0.0001 to 0.9999" in advice.objection


def test_what_is_advised_can_be_found_again_in_the_very_same_model() -> None:
    case = RankingCase("q", {"a": 1, "b": 1, "c": 0, "d": 0})
    logits = [2.0, 1.0, 0.5, -1.0]

    for precision in (0.6, 0.9):
        (advice,) = advise_cut_offs([case], in_order(case, logits), [precision])
        assert advice.score is not None
        found = equivalent_score(advice.score, np.array(logits), np.array(logits))
        assert found == pytest.approx(advice.score)


def test_a_precision_that_is_asked_for_twice_is_one_cut_off() -> None:
    case = RankingCase("q", {"a": 1, "b": 0, "c": 1, "d": 0})

    advice = advise_cut_offs([case], in_order(case, [3.0, 2.0, 1.0, 0.0]), [0.9, 0.6, 0.9])

    assert [each.name for each in advice] == ["precision-90", "precision-60"]


def test_advice_is_what_the_gate_reads_and_drifts_less_with_more_queries() -> None:
    drifts = []
    for queries in (20, 320):
        generator = np.random.default_rng(3)
        cases = [RankingCase(f"q{number}", {"right": 1, "wrong": 0, "other": 0}) for number in range(queries)]
        logits = [generator.normal([2.0 * case.grades[d] for d in case.documents], 1.0).tolist() for case in cases]
        (advice,) = advise_cut_offs(cases, logits, [0.8])
        assert advice.option is not None
        (read,) = parse_cut_offs(advice.option)
        assert (read.name, read.score) == ("precision-80", advice.score)
        assert read.max_drift is not None
        drifts.append(read.max_drift)
        assert advice.precision is not None
        assert advice.precision.low is not None
        assert advice.precision.low < 0.8
    assert all(more < fewer for fewer, more in pairwise(drifts))
