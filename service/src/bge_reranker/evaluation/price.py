"""What a lower precision costs: logits and rankings beside those of float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .cases import RankingCase
from .measures import measure_rankings

MIN_KENDALL_TAU = 0.98
"""Least agreement of the order of all pairs."""

MAX_NDCG_LOSS = 0.005
"""Loss of nDCG@10, relative to float32's, from which a model is refused."""


@dataclass(frozen=True)
class Price:
    """Differences between float32 and a lesser precision on one judged set."""

    queries: int
    pairs: int
    max_difference: float
    p99_difference: float
    mean_difference: float
    kendall_tau: float
    """Of the logits of all pairs, from -1 to 1."""
    ndcg_at_10_float32: float
    ndcg_at_10: float

    @property
    def ndcg_loss(self) -> float:
        """Relative loss; below 0 for a gain."""
        return 1 - self.ndcg_at_10 / self.ndcg_at_10_float32 if self.ndcg_at_10_float32 else 0.0

    def objections(self) -> list[str]:
        """Say why the gate refuses; nothing where it does not."""
        found = []
        if not self.kendall_tau >= MIN_KENDALL_TAU:
            found.append(f"Kendall tau is {self.kendall_tau:.4f}; at least {MIN_KENDALL_TAU} is needed")
        if not self.ndcg_loss < MAX_NDCG_LOSS:
            found.append(f"nDCG@10 loses {self.ndcg_loss:.2%}; less than {MAX_NDCG_LOSS:.1%} is allowed")
        return found


def measure_price(
    cases: Sequence[RankingCase], exact: Sequence[Sequence[float]], lesser: Sequence[Sequence[float]]
) -> Price:
    """Compare two scorings of the same cases.

    Args:
        cases: Judged queries.
        exact: float32's logits, for each case one per document in the order of `case.documents`.
        lesser: The other precision's.
    """
    expected, found = (np.concatenate([np.asarray(row, dtype=np.float64) for row in rows]) for rows in (exact, lesser))
    difference = np.abs(found - expected)
    return Price(
        queries=len(cases),
        pairs=len(expected),
        max_difference=float(difference.max()),
        p99_difference=float(np.percentile(difference, 99)),
        mean_difference=float(difference.mean()),
        kendall_tau=kendall_tau(expected, found),
        ndcg_at_10_float32=measure_rankings(cases, exact).ndcg_at_10,
        ndcg_at_10=measure_rankings(cases, lesser).ndcg_at_10,
    )


def kendall_tau(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Compute tau-b: agreement of the order of all pairs of ranks, without those that are equal in both.

    Args:
        first: float64 (N,).
        second: float64 (N,).

    Returns:
        From -1 to 1. Undefined where all values of one are equal: then 1 if those of both are, else 0.
    """
    flat = [bool(np.all(values == values[0])) for values in (first, second)]
    return float(all(flat)) if any(flat) else float(stats.kendalltau(first, second).statistic)
