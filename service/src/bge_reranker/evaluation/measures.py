"""Ranking measures, computed by the ir-measures library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from ir_measures import AP, RR, Measure, Qrel, R, ScoredDoc, nDCG
from numpy.typing import NDArray

from .cases import RankingCase, document_identity

Scores = NDArray[np.float64]
"""Scores of one case's documents."""

NDCG_AT_10 = nDCG @ 10
"""Gain of the first ten, discounted by the logarithm of the rank, relative to the best order."""

MRR_AT_10 = RR @ 10
"""One over the rank of the first relevant document, zero beyond the tenth."""


MEASURES: Mapping[str, Measure] = {"ndcg_at_10": NDCG_AT_10, "mrr_at_10": MRR_AT_10, "map": AP, "recall_at_10": R @ 10}
"""All measures by the name that results have. Those of recall and precision count a grade above 0 as relevant."""


@dataclass(frozen=True)
class RankingMeasures:
    """Means over queries, each from 0 to 1, higher is better."""

    ndcg_at_10: float
    mrr_at_10: float
    map: float
    """Mean average precision: the mean of the precision at each relevant document."""
    recall_at_10: float
    """Share of the relevant documents among the first ten."""


def measure_rankings(cases: Sequence[RankingCase], scores: Sequence[Sequence[float]]) -> RankingMeasures:
    """Measures the order that scores give to each case's candidates; equal scores are ordered by identity.

    Args:
        cases: Judged queries, at least one.
        scores: For each case one score per document, in the order of `case.documents`.
    """
    return mean_measures(measures_by_case(cases, scores))


def mean_measures(by_case: Mapping[str, Scores]) -> RankingMeasures:
    """Averages what `measures_by_case` found.

    Args:
        by_case: Each measure's values, at least one.
    """
    return RankingMeasures(**{name: float(np.mean(values)) for name, values in by_case.items()})


def measures_by_case(
    cases: Sequence[RankingCase], scores: Sequence[Sequence[float]] | Sequence[Scores]
) -> dict[str, Scores]:
    """Measures each case, ordered as by `measure_rankings`.

    Args:
        cases: Judged queries.
        scores: For each case one score per document, in the order of `case.documents`.

    Returns:
        For each measure one value per case.
    """
    names = {measure: name for name, measure in MEASURES.items()}
    found = {name: np.zeros(len(cases)) for name in MEASURES}
    for metric in ir_measures.iter_calc(list(names), *_judged_run(cases, scores)):
        found[names[metric.measure]][int(metric.query_id)] = metric.value
    return found


def ndcg_by_case(cases: Sequence[RankingCase], scores: Sequence[Sequence[float]] | Sequence[Scores]) -> list[float]:
    """Measures nDCG@10 of each case, ordered as by `measure_rankings`.

    Args:
        cases: Judged queries.
        scores: For each case one score per document, in the order of `case.documents`.
    """
    found = ir_measures.iter_calc([NDCG_AT_10], *_judged_run(cases, scores))
    by_number = {metric.query_id: float(metric.value) for metric in found}
    return [by_number[str(number)] for number in range(len(cases))]


def _judged_run(
    cases: Sequence[RankingCase], scores: Sequence[Sequence[float]] | Sequence[Scores]
) -> tuple[list[Qrel], list[ScoredDoc]]:
    """Judgements and ranks as the library takes them, cases by their number."""
    qrels: list[Qrel] = []
    run: list[ScoredDoc] = []
    for number, (case, case_scores) in enumerate(zip(cases, scores, strict=True)):
        scored = list(zip(map(float, case_scores), map(document_identity, case.documents), strict=True))
        grades = [case.grades[document] for document in case.documents]
        qrels += [Qrel(str(number), identity, grade) for (_, identity), grade in zip(scored, grades, strict=True)]
        # The library computes each measure with a program of its own, and those order equal scores differently: what
        # it gets are ranks.
        ranks = enumerate(sorted(scored, reverse=True))
        run += [ScoredDoc(str(number), identity, float(-rank)) for rank, (_, identity) in ranks]
    return qrels, run
