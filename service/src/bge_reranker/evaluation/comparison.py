"""How the shadow scored one request beside the served version, and the means over many. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float64]

TOP: Final = 10
"""Results that most callers show or hand on."""

KendallTau = Callable[[Logits, Logits], float]
"""As `evaluation.price.kendall_tau`, whose library is imported only where it is needed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rankings of one request."""

    kendall_tau: float | None
    """Agreement of both orders, tau-b; None for a single document, which has no order."""

    top_overlap: float
    """Share of the first `TOP` results that both have; of all where there are fewer."""

    score_drift: float
    """Mean distance of the two scores of a document, after the sigmoid."""


def compare(served: Logits, shadow: Logits, kendall_tau: KendallTau) -> Comparison:
    """Compare two rankings of the same documents.

    Args:
        served: float64 (N,): one logit per document, at least one.
        shadow: float64 (N,): those of the other version.
        kendall_tau: Computes tau-b.
    """
    tau = kendall_tau(served, shadow) if len(served) > 1 else None
    drift = float(np.mean(np.abs(_sigmoid(shadow) - _sigmoid(served))))
    return Comparison(tau, _overlap(served, shadow), drift)


def _overlap(served: Logits, shadow: Logits) -> float:
    count = min(TOP, len(served))
    first, second = (set(np.argsort(-logits, kind="stable")[:count].tolist()) for logits in (served, shadow))
    return len(first & second) / count


def _sigmoid(logits: Logits) -> Logits:
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


@dataclass(frozen=True, slots=True)
class Report:
    """The means over all requests that one version was compared on."""

    digest: str
    """Tree digest of the shadow's model."""

    comparisons: int = 0
    orders: int = 0
    """Comparisons that had an order to agree on."""

    kendall_tau: float | None = None
    top_overlap: float | None = None
    score_drift: float | None = None

    def having(self, found: Comparison) -> Report:
        """With one more comparison."""
        orders = self.orders + (found.kendall_tau is not None)
        comparisons = self.comparisons + 1
        tau = self.kendall_tau
        if found.kendall_tau is not None:
            tau = _mean(tau, found.kendall_tau, orders)
        return Report(
            self.digest,
            comparisons,
            orders,
            tau,
            _mean(self.top_overlap, found.top_overlap, comparisons),
            _mean(self.score_drift, found.score_drift, comparisons),
        )

    def as_json(self) -> dict[str, Any]:
        """The fields as `/info` shows them."""
        return {
            "digest": self.digest,
            "comparisons": self.comparisons,
            "orders": self.orders,
            "kendall_tau": self.kendall_tau,
            "overlap_at_10": self.top_overlap,
            "score_drift": self.score_drift,
        }


def _mean(before: float | None, value: float, count: int) -> float:
    return value if before is None else before + (value - before) / count
