"""The relevance gate: does a version rank the golden set well enough, and as the serving version does?

Logits in, verdict out; who computes them is not its concern.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cases import RankingCase
from .equivalence import equivalent_score
from .measures import ndcg_by_case
from .price import kendall_tau
from .thresholds import CutOff, Thresholds
from .verdict import CutOffEquivalent, GateVerdict, VerdictName

_SLACK = 1e-9
"""What rounding may take from a mean that meets its threshold exactly."""

_WORST_QUERIES = 5
"""Queries that figures name; 4 kB is all that Kubernetes keeps of a process's last words."""

_QUERY_CHARACTERS = 60
"""Characters of a query that figures show."""

CaseLogits = Sequence[NDArray[np.float64]]
"""For each case one logit per document, in the order of `case.documents`."""


@dataclass(frozen=True, slots=True)
class QueryChange:
    """One query's nDCG@10 beside the serving version's."""

    query: str
    ndcg_at_10: float
    reference_ndcg_at_10: float

    @property
    def loss(self) -> float:
        """What it lost; below 0 for a gain."""
        return self.reference_ndcg_at_10 - self.ndcg_at_10


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything the gate found out."""

    figures: Mapping[str, Any]
    cut_offs: tuple[CutOffEquivalent, ...]
    changes: tuple[QueryChange, ...]
    """Every query beside the reference, the greatest loss first; none without one."""

    problems: tuple[str, ...]
    """Thresholds that were missed, a sentence each."""

    def verdict(self, gate_hash: str, reference_digest: str | None, **figures: Any) -> GateVerdict:
        """The verdict that follows.

        Args:
            gate_hash: Of the gate's input.
            reference_digest: Tree digest of the version that was compared with.
            figures: Further ones.
        """
        name: VerdictName = "failed" if self.problems else "passed"
        return GateVerdict(gate_hash, name, {**self.figures, **figures}, self.cut_offs, reference_digest, self.problems)


def judge(
    cases: Sequence[RankingCase], logits: CaseLogits, reference: CaseLogits | None, thresholds: Thresholds
) -> Judgement:
    """Compare a version's ranking of the golden set with what is demanded of it.

    Without a reference only what is demanded absolutely is looked at.

    Args:
        cases: The golden set, at least one case.
        logits: Of the version that is judged.
        reference: Of the serving version.
        thresholds: What is demanded.

    Raises:
        ValueError: If a logit is not finite, which no order can be made of; this is a bug of the caller.
    """
    _require_finite(logits, *([] if reference is None else [reference]))
    by_case = ndcg_by_case(cases, logits)
    figures: dict[str, Any] = {
        "queries": len(cases),
        "pairs": sum(map(len, logits)),
        "ndcg_at_10": float(np.mean(by_case)),
    }
    if reference is None:
        cut_offs = tuple(CutOffEquivalent(each.name, each.score, None) for each in thresholds.cut_offs)
        return Judgement(figures, cut_offs, (), tuple(_absolute_problems(figures, thresholds)))
    changes = _changes(cases, by_case, ndcg_by_case(cases, reference))
    worse = [change for change in changes if change.loss > _SLACK]
    figures |= {
        "reference_ndcg_at_10": float(np.mean([change.reference_ndcg_at_10 for change in changes])),
        "kendall_tau": mean_kendall_tau(logits, reference),
        "worse_queries": len(worse),
        "worse": [_shown(change) for change in worse[:_WORST_QUERIES]],
    }
    figures["ndcg_loss"] = figures["reference_ndcg_at_10"] - figures["ndcg_at_10"]
    cut_offs = _equivalents(thresholds.cut_offs, logits, reference)
    problems = (
        *_absolute_problems(figures, thresholds),
        *_relative_problems(figures, thresholds),
        *_drift_problems(thresholds.cut_offs, cut_offs),
    )
    return Judgement(figures, cut_offs, changes, problems)


def mean_kendall_tau(logits: CaseLogits, reference: CaseLogits) -> float | None:
    """Agreement of two versions' orders: tau-b of each query's candidates, its mean over queries.

    Args:
        logits: Of one version.
        reference: Of the other.

    Returns:
        From -1 to 1. A query with one candidate has no order and does not count; None where there is no other.
    """
    taus = [kendall_tau(first, second) for first, second in zip(logits, reference, strict=True) if len(first) > 1]
    return float(np.mean(taus)) if taus else None


def _require_finite(*versions: CaseLogits) -> None:
    if not all(np.isfinite(row).all() for logits in versions for row in logits):
        raise ValueError("a logit of the golden set is not finite; this is a bug")


def _changes(
    cases: Sequence[RankingCase], found: Sequence[float], reference: Sequence[float]
) -> tuple[QueryChange, ...]:
    changes = (
        QueryChange(case.query, after, before) for case, after, before in zip(cases, found, reference, strict=True)
    )
    return tuple(sorted(changes, key=lambda change: -change.loss))


def _shown(change: QueryChange) -> dict[str, Any]:
    return {
        "query": change.query[:_QUERY_CHARACTERS],
        "ndcg_at_10": round(change.ndcg_at_10, 4),
        "reference_ndcg_at_10": round(change.reference_ndcg_at_10, 4),
    }


def _equivalents(cut_offs: Sequence[CutOff], logits: CaseLogits, reference: CaseLogits) -> tuple[CutOffEquivalent, ...]:
    new, serving = np.concatenate(logits), np.concatenate(reference)
    return tuple(
        CutOffEquivalent(each.name, each.score, equivalent_score(each.score, serving, new)) for each in cut_offs
    )


def _absolute_problems(figures: Mapping[str, Any], thresholds: Thresholds) -> Iterator[str]:
    least = thresholds.min_ndcg_at_10
    if least is not None and figures["ndcg_at_10"] < least - _SLACK:
        yield f"nDCG@10 is {figures['ndcg_at_10']:.4f}; at least {least:g} is demanded (minNdcgAt10)."


def _relative_problems(figures: Mapping[str, Any], thresholds: Thresholds) -> Iterator[str]:
    most, least, tau = thresholds.max_ndcg_loss, thresholds.min_kendall_tau, figures["kendall_tau"]
    if most is not None and figures["ndcg_loss"] > most + _SLACK:
        yield (
            f"nDCG@10 is {figures['ndcg_at_10']:.4f}, {figures['ndcg_loss']:.4f} below the serving version's; at most "
            f"{most:g} is allowed (maxNdcgLoss). {figures['worse_queries']} of {figures['queries']} queries got worse."
        )
    if least is None:
        return
    if tau is None:
        yield "Kendall tau is undefined: no query of the golden set has two candidates (minKendallTau)."
    elif tau < least - _SLACK:
        yield f"Kendall tau with the serving version is {tau:.4f}; at least {least:g} is demanded (minKendallTau)."


def _drift_problems(cut_offs: Sequence[CutOff], found: Sequence[CutOffEquivalent]) -> Iterator[str]:
    for cut_off, equivalent in zip(cut_offs, found, strict=True):
        if cut_off.max_drift is None:
            continue
        if equivalent.equivalent is None:
            yield (
                f"The cut-off {cut_off.name} ({cut_off.score:g}) has no equivalent: the golden set has no candidate on "
                "one of its sides."
            )
        elif abs(equivalent.equivalent - cut_off.score) > cut_off.max_drift + _SLACK:
            yield (
                f"The cut-off {cut_off.name} ({cut_off.score:g}) would have to become {equivalent.equivalent:.4f}; a "
                f"drift of at most {cut_off.max_drift:g} is allowed."
            )
