"""Ranking measures, computed by the ir-measures library."""

from collections.abc import Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from ir_measures import RR, Qrel, ScoredDoc, nDCG
from numpy.typing import NDArray

from .cases import RankingCase, document_identity

Scores = NDArray[np.float64]
"""Scores of one case's documents."""

NDCG_AT_10 = nDCG @ 10
"""Gain of the first ten, discounted by the logarithm of the rank, relative to the best order."""

MRR_AT_10 = RR @ 10
"""One over the rank of the first relevant document, zero beyond the tenth."""


@dataclass(frozen=True)
class RankingMeasures:
    """Means over queries, each from 0 to 1, higher is better."""

    ndcg_at_10: float
    mrr_at_10: float


def measure_rankings(cases: Sequence[RankingCase], scores: Sequence[Sequence[float]]) -> RankingMeasures:
    """Measures the order that scores give to each case's candidates; equal scores are ordered by identity.

    Args:
        cases: Judged queries, at least one.
        scores: For each case one score per document, in the order of `case.documents`.
    """
    means = ir_measures.calc_aggregate([NDCG_AT_10, MRR_AT_10], *_judged_run(cases, scores))
    return RankingMeasures(ndcg_at_10=float(means[NDCG_AT_10]), mrr_at_10=float(means[MRR_AT_10]))


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
