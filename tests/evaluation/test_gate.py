from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bge_reranker.errors import GateFailed
from bge_reranker.evaluation.cases import RankingCase
from bge_reranker.evaluation.gate import Judgement, judge, mean_kendall_tau
from bge_reranker.evaluation.thresholds import CutOff, Thresholds
from bge_reranker.termination import MAX_BYTES, termination_message

ONE = RankingCase("one", {"good": 2, "fair": 1, "bad": 0})
TWO = RankingCase("two", {"yes": 1, "no": 0})
CASES = [ONE, TWO]
LOSS = 1 - (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))
"""What `one` loses when its two relevant documents change places."""


def logits(case: RankingCase, scores: dict[str, float]) -> NDArray[np.float64]:
    return np.array([scores[text] for text in case.documents], dtype=np.float64)


BEST = [logits(ONE, {"good": 3, "fair": 1, "bad": -2}), logits(TWO, {"yes": 2, "no": -1})]
SWAPPED = [logits(ONE, {"good": 1, "fair": 3, "bad": -2}), BEST[1]]


def judged(found: list[NDArray[np.float64]], reference: Any = None, **thresholds: Any) -> Judgement:
    return judge(CASES, found, reference, Thresholds(**thresholds))


def test_figures_equal_hand_computed_values() -> None:
    found = judged(SWAPPED, BEST)
    assert found.figures["ndcg_at_10"] == pytest.approx(1 - LOSS / 2)
    assert found.figures["reference_ndcg_at_10"] == pytest.approx(1)
    assert found.figures["ndcg_loss"] == pytest.approx(LOSS / 2)
    # Of the three pairs of `one`, one has changed: (2 - 1) / 3; `two` agrees.
    assert found.figures["kendall_tau"] == pytest.approx((1 / 3 + 1) / 2)
    assert (found.figures["queries"], found.figures["pairs"]) == (2, 5)


def test_queries_that_got_worse_are_named_the_worst_first() -> None:
    worse = [SWAPPED[0], -BEST[1]]
    found = judged(worse, BEST)
    assert [change.query for change in found.changes] == ["two", "one"]
    assert found.figures["worse_queries"] == 2
    assert [each["query"] for each in found.figures["worse"]] == ["two", "one"]
    assert found.figures["worse"][1] == {
        "query": "one",
        "ndcg_at_10": round(1 - LOSS, 4),
        "reference_ndcg_at_10": 1.0,
    }


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"min_ndcg_at_10": 0.99}, "nDCG@10 is 0.9299; at least 0.99 is demanded"),
        ({"max_ndcg_loss": 0.05}, "0.0701 below the serving version's; at most 0.05 is allowed"),
        ({"min_kendall_tau": 0.7}, "Kendall tau with the serving version is 0.6667; at least 0.7"),
    ],
)
def test_a_missed_threshold_is_said_with_figure_and_limit(thresholds: dict[str, float], words: str) -> None:
    found = judged(SWAPPED, BEST, **thresholds)
    assert len(found.problems) == 1
    assert words in found.problems[0]


def test_what_is_met_exactly_passes() -> None:
    met = {"min_ndcg_at_10": 1 - LOSS / 2, "max_ndcg_loss": LOSS / 2, "min_kendall_tau": 2 / 3}
    assert judged(SWAPPED, BEST, **met).problems == ()


def test_without_a_reference_only_absolute_thresholds_count() -> None:
    relative = {"max_ndcg_loss": 0.0, "min_kendall_tau": 1.0, "cut_offs": (CutOff("a", 0.5, 0.0),)}
    found = judged(SWAPPED, None, **relative)
    assert found.problems == ()
    assert [(each.name, each.equivalent) for each in found.cut_offs] == [("a", None)]
    assert judged(SWAPPED, None, **relative, min_ndcg_at_10=1).problems != ()


def test_a_cut_off_has_its_equivalent_and_fails_beyond_its_drift() -> None:
    shifted = [row + 1 for row in BEST]
    cut_offs = (CutOff("free", 0.5), CutOff("tight", 0.5, 0.2), CutOff("loose", 0.5, 0.3))
    found = judged(shifted, BEST, cut_offs=cut_offs)
    assert [each.equivalent for each in found.cut_offs] == [pytest.approx(1 / (1 + math.exp(-1)))] * 3
    assert len(found.problems) == 1
    assert "tight (0.5) would have to become 0.7311; a drift of at most 0.2" in found.problems[0]


def test_a_cut_off_that_cannot_be_judged_does_not_pass_by_silence() -> None:
    found = judged(BEST, BEST, cut_offs=(CutOff("far", 0.9999, 0.5), CutOff("said", 0.9999)))
    assert [each.equivalent for each in found.cut_offs] == [None, None]
    assert len(found.problems) == 1
    assert "far (0.9999) has no equivalent" in found.problems[0]


def test_kendall_tau_is_honest_about_ties_and_single_candidates() -> None:
    one, three = np.array([1.0]), np.array([1.0, 2.0, 3.0])
    flat = np.zeros(3)
    assert mean_kendall_tau([one, three], [one, three]) == pytest.approx(1)
    assert mean_kendall_tau([one], [one]) is None
    # A version that makes every score equal agrees with no order, though no pair is turned round.
    assert mean_kendall_tau([flat], [three]) == 0
    assert mean_kendall_tau([flat], [flat]) == 1


def test_an_order_that_does_not_exist_is_no_agreement() -> None:
    single = RankingCase("q", {"only": 1})
    row = [np.array([1.0])]
    found = judge([single], row, row, Thresholds(min_kendall_tau=-1))
    assert found.figures["kendall_tau"] is None
    assert "undefined" in found.problems[0]


def test_a_score_that_is_no_number_is_never_judged() -> None:
    for broken in (math.nan, math.inf):
        row = BEST[0].copy()
        row[0] = broken
        with pytest.raises(ValueError, match="not finite"):
            judged([row, BEST[1]], BEST)


@given(st.lists(st.floats(-10, 10), min_size=5, max_size=5))
def test_a_version_passes_every_relative_threshold_against_itself(scores: list[float]) -> None:
    rows = [np.array(scores[:3]), np.array(scores[3:])]
    found = judged(rows, rows, max_ndcg_loss=0.0, min_kendall_tau=1.0, cut_offs=(CutOff("a", 0.5),))
    assert found.problems == ()
    assert found.figures["worse"] == []


def test_a_failure_says_all_of_it_within_the_bytes_that_kubernetes_keeps() -> None:
    cases = [RankingCase("查询" * 200 + str(number), {"yes": 1, "no": 0}) for number in range(50)]
    best = [logits(case, {"yes": 1, "no": 0}) for case in cases]
    verdict = judge(cases, [-row for row in best], best, Thresholds(0.9, 0.01, 0.9)).verdict("f" * 64, "d" * 64)
    with pytest.raises(GateFailed) as raised:
        verdict.require_passed()
    message = termination_message(raised.value)
    said = json.loads(message)
    assert len(message) <= MAX_BYTES
    assert said["code"] == "GateFailed"
    assert said["figures"]["worse_queries"] == 50
    assert len(said["figures"]["worse"]) == 5
    assert (said["figures"]["hash"], said["figures"]["reference_digest"]) == ("f" * 64, "d" * 64)
    assert verdict.as_json()["verdict"] == "failed"
