from __future__ import annotations

from collections.abc import Sequence

import pytest

from bge_reranker.model.checks.selfcheck import GOLDEN_PAIRS, run_selfcheck

PUBLISHED = {(pair.query, pair.document): pair.logit for pair in GOLDEN_PAIRS}


def shifted_by(shift: float) -> list[float]:
    return [pair.logit + shift for pair in GOLDEN_PAIRS]


def test_selfcheck_passes_on_the_published_logits() -> None:
    def score(pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [PUBLISHED[pair] for pair in pairs]

    report = run_selfcheck(score, "float32")
    assert report.passed
    assert len(report.rows) == 11


@pytest.mark.parametrize(
    ("precision", "shift", "failures"),
    [
        ("float32", 0.001, 0),
        ("float32", 0.01, 5),
        ("float16", 0.019, 0),
        ("float16", -0.03, 11),
        ("bfloat16", 0.09, 0),
        ("bfloat16", 0.11, 11),
        ("float32", float("nan"), 11),
    ],
)
def test_selfcheck_judges_by_the_wider_tolerance_of_served_and_published_format(
    precision: str, shift: float, failures: int
) -> None:
    report = run_selfcheck(lambda _: shifted_by(shift), precision)
    assert sum(not row.passed for row in report.rows) == failures
    assert report.passed == (failures == 0)


def test_selfcheck_values_agree_with_the_published_probabilities() -> None:
    # Published beside the logits as sigmoids: an independent check of the table.
    assert PUBLISHED["hello", "welcome"] == pytest.approx(5.6259, abs=1e-3)
    assert PUBLISHED["hello", "farewell"] == pytest.approx(-2.4216, abs=1e-3)


def test_selfcheck_refuses_a_scorer_that_drops_pairs() -> None:
    with pytest.raises(ValueError, match="this is a bug"):
        run_selfcheck(lambda pairs: [0.0] * (len(pairs) - 1), "float32")
