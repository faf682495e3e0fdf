"""What the relevance gate found, in the words of `/info`. Plain data: no measure is computed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import GateFailed

VerdictName = Literal["passed", "failed", "carried"]
"""`carried`: a ready pod of the same version had passed the same gate, and nothing was judged again."""


@dataclass(frozen=True, slots=True)
class CutOffEquivalent:
    """A team's cut-off on the new version's scale."""

    name: str
    score: float
    """As declared, on the serving version's scale."""

    equivalent: float | None
    """The score by which the new version keeps the same share of the golden set's candidates; None where that cannot be
    told: without a reference, or where no candidate lies on one of its sides."""

    def as_json(self) -> dict[str, Any]:
        """The fields as `/info` shows them."""
        return {"name": self.name, "score": self.score, "equivalent": self.equivalent}


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The verdict on one version."""

    hash: str
    """Of the gate's input: golden set and thresholds."""

    verdict: VerdictName
    figures: Mapping[str, Any]
    cut_offs: tuple[CutOffEquivalent, ...] = ()
    reference_digest: str | None = None
    """Tree digest of the version that it was compared with."""

    problems: tuple[str, ...] = field(default=())
    """Thresholds that were missed, a sentence each."""

    def as_json(self) -> dict[str, Any]:
        """The verdict as `/info` shows it."""
        return {
            "hash": self.hash,
            "verdict": self.verdict,
            "figures": dict(self.figures),
            "cut_offs": [cut_off.as_json() for cut_off in self.cut_offs],
            "reference_digest": self.reference_digest,
        }

    def require_passed(self) -> None:
        """Go on only where no threshold was missed.

        Raises:
            GateFailed: If one was; it has the figures.
        """
        if self.problems:
            known = {"hash": self.hash, "reference_digest": self.reference_digest}
            raise GateFailed(" ".join(self.problems), figures={**self.figures, **known})
