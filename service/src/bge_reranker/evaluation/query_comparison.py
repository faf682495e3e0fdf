"""Two models compared query by query, on the same judged set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .cases import RankingCase
from .intervals import Estimate, estimate_mean
from .measures import Scores

_SLACK = 1e-9
"""Difference of a measure that is rounding."""


@dataclass(frozen=True, slots=True)
class QueryOutcome:
    """One query's nDCG@10 under two models."""

    group: str
    query: str
    ndcg_at_10: float
    against_ndcg_at_10: float

    @property
    def gain(self) -> float:
        """What the first model has more."""
        return self.ndcg_at_10 - self.against_ndcg_at_10


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model beside another one on one group of queries."""

    group: str
    differences: Mapping[str, Estimate]
    """By measure: the mean over queries of what the model has more, paired, with its interval."""

    better: int
    """Queries that rank better than with the other model, by nDCG@10."""

    equal: int
    worse: int
    queries: tuple[QueryOutcome, ...]
    """Every query, the greatest loss first."""


def compare(
    cases: Sequence[RankingCase], found: Mapping[str, Scores], against: Mapping[str, Scores], *, group: str
) -> Comparison:
    """Compare two models.

    Args:
        cases: Judged queries of the group.
        found: Each measure's values by case, of the model.
        against: The same of the other model.
        group: Its name.
    """
    outcomes = [
        QueryOutcome(case.group, case.query, float(new), float(old))
        for case, new, old in zip(cases, found["ndcg_at_10"], against["ndcg_at_10"], strict=True)
    ]
    better = sum(outcome.gain > _SLACK for outcome in outcomes)
    worse = sum(outcome.gain < -_SLACK for outcome in outcomes)
    return Comparison(
        group=group,
        differences={name: estimate_mean(values - against[name]) for name, values in found.items()},
        better=better,
        equal=len(outcomes) - better - worse,
        worse=worse,
        queries=tuple(sorted(outcomes, key=lambda outcome: outcome.gain)),
    )
