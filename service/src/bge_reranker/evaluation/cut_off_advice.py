"""Scores from which on a demanded share of the documents is relevant, as values of the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .cases import RankingCase
from .intervals import CONFIDENCE, SEED, Estimate
from .thresholds import LEAST_CUT_OFF, MOST_CUT_OFF

_RESAMPLES = 999
_DIGITS = 6
"""Digits of a score behind the point: those of the gate's hash."""

_FEWEST_QUERIES = 2


@dataclass(frozen=True, slots=True)
class CutOffAdvice:
    """A score, and what is kept from it on."""

    name: str
    demanded_precision: float
    score: float | None
    """After the sigmoid; documents below are dropped. None where there is none to advise."""

    max_drift: float | None
    """How far the score lies from the ends of its confidence interval: so much is chance among the queries."""

    precision: Estimate | None
    """Share of relevant documents among those kept."""

    recall: float
    """Share of the relevant documents that are kept."""

    objection: str | None = None
    """Why no score is advised, as a sentence."""

    @property
    def option(self) -> str | None:
        """As `--cut-offs` takes it."""
        if self.score is None:
            return None
        drift = "" if self.max_drift is None else f":{self.max_drift:.{_DIGITS}f}"
        return f"{self.name}={self.score:.{_DIGITS}f}{drift}"

    @property
    def value(self) -> str | None:
        """As an entry of `gate.cutOffs`."""
        if self.score is None:
            return None
        drift = "" if self.max_drift is None else f", maxDrift: {self.max_drift:.{_DIGITS}f}"
        return f"{{name: {self.name}, score: {self.score:.{_DIGITS}f}{drift}}}"


@dataclass(frozen=True, slots=True)
class _Pool:
    """All candidates of all queries, the highest logit first: scores near 1 are not told apart."""

    logits: NDArray[np.float64]
    is_relevant: NDArray[np.bool_]
    queries: NDArray[np.int64]
    """Whose candidate it is."""

    count: int
    """Queries."""

    @classmethod
    def of(cls, cases: Sequence[RankingCase], logits: Sequence[Sequence[float]]) -> _Pool:
        joined = np.concatenate([np.asarray(row, dtype=np.float64) for row in logits])
        relevant = np.array([case.grades[document] > 0 for case in cases for document in case.documents])
        queries = np.repeat(np.arange(len(cases)), [len(case.documents) for case in cases])
        order = np.argsort(-joined, kind="stable")
        return cls(joined[order], relevant[order], queries[order], len(cases))

    def threshold(self, precision: float, drawn: NDArray[np.int64]) -> float:
        """The lowest logit with a precision, in queries drawn with replacement; NaN where there is none."""
        weights = np.bincount(drawn, minlength=self.count)[self.queries]
        kept, relevant = np.cumsum(weights), np.cumsum(weights * self.is_relevant)
        # Equal ones are kept or dropped together.
        ends = np.append(self.logits[1:] < self.logits[:-1], True)
        is_precise = ends & (relevant >= precision * np.maximum(kept, 1)) & (relevant > 0)
        places = np.flatnonzero(is_precise)
        return float(self.logits[places[-1]]) if len(places) else float("nan")

    def precision(self, logit: float, drawn: NDArray[np.int64]) -> float:
        """Share of relevant ones among what is kept, in queries drawn with replacement; NaN where nothing is kept."""
        weights = np.bincount(drawn, minlength=self.count)[self.queries] * (self.logits >= logit)
        kept = weights.sum()
        return float((weights * self.is_relevant).sum() / kept) if kept else float("nan")


def advise_cut_offs(
    cases: Sequence[RankingCase], logits: Sequence[Sequence[float]], precisions: Sequence[float]
) -> tuple[CutOffAdvice, ...]:
    """Find for each precision the lowest score from which on it holds.

    Args:
        cases: Judged queries, with the candidates among which the search will drop some.
        logits: For each case one per document, in the order of `case.documents`.
        precisions: Demanded shares of relevant documents, above 0 and at most 1.
    """
    pool = _Pool.of(cases, logits)
    # A gate knows cut-offs by their names.
    demanded = {_name(precision): precision for precision in precisions}
    return tuple(_advise(pool, name, precision) for name, precision in demanded.items())


def _name(precision: float) -> str:
    return f"precision-{precision * 100:g}"


def _advise(pool: _Pool, name: str, demanded: float) -> CutOffAdvice:
    everybody = np.arange(pool.count)
    found = pool.threshold(demanded, everybody)
    if np.isnan(found):
        return _none(name, demanded, "No score has a precision of {demanded:g} from it on.", 0.0)
    if found <= pool.logits[-1]:
        return _none(
            name, demanded, "All candidates together have a precision of {demanded:g}: none need be dropped.", 1
        )
    score = float(np.floor(expit(found) * 10**_DIGITS) / 10**_DIGITS)
    recall = float(pool.is_relevant[pool.logits >= found].sum() / pool.is_relevant.sum())
    if not LEAST_CUT_OFF <= score <= MOST_CUT_OFF:
        return _none(
            name,
            demanded,
            f"A precision of {{demanded:g}} begins at a score of {expit(found):.6g}, and the gate takes "
            f"{LEAST_CUT_OFF} to {MOST_CUT_OFF}: the model's scores lie too close to 0 or 1 for a cut-off.",
            recall,
        )
    precision = pool.precision(found, everybody)
    if pool.count < _FEWEST_QUERIES:
        return CutOffAdvice(name, demanded, score, None, Estimate(precision, None, None), recall)

    generator = np.random.default_rng(SEED)
    drawn = generator.integers(0, pool.count, (_RESAMPLES, pool.count))
    draws = np.array([(expit(pool.threshold(demanded, one)), pool.precision(found, one)) for one in drawn])
    # A draw without anything relevant has neither.
    (low, lowest), (high, highest) = np.nanquantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    drift = max(score - low, high - score)
    return CutOffAdvice(name, demanded, score, float(drift), Estimate(precision, float(lowest), float(highest)), recall)


def _none(name: str, demanded: float, objection: str, recall: float) -> CutOffAdvice:
    return CutOffAdvice(name, demanded, None, None, None, recall, objection.format(demanded=demanded))
