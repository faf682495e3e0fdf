"""What the relevance gate demands of a version, and the hash by which a demand is known. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

LEAST_CUT_OFF, MOST_CUT_OFF = 0.0001, 0.9999
"""Scores that the chart and the `Reranker` take as cut-offs; beyond them six digits do not tell two apart."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """A score below which a team drops documents."""

    name: str
    """What the team calls it."""

    score: float
    """Score of the served version, after the sigmoid; between 0 and 1."""

    max_drift: float | None = None
    """Most that the equivalent score of a new version may lie away from it; None: it is reported only."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a version must reach on the golden set; None: nothing is demanded."""

    min_ndcg_at_10: float | None = None
    """Least mean nDCG@10."""

    max_ndcg_loss: float | None = None
    """Most that the mean nDCG@10 may lie below the serving version's."""

    min_kendall_tau: float | None = None
    """Least agreement with the order that the serving version gives, a mean over queries."""

    cut_offs: tuple[CutOff, ...] = ()
    """Scores whose equivalents are sought."""

    @property
    def needs_reference(self) -> bool:
        """Whether there is anything to say beside the serving version."""
        return bool(self.max_ndcg_loss is not None or self.min_kendall_tau is not None or self.cut_offs)

    def lines(self) -> Iterator[str]:
        """The demand in the one way in which it is hashed; numbers have six digits, an absent one is a dash."""
        yield f"minNdcgAt10 {_digits(self.min_ndcg_at_10)}"
        yield f"maxNdcgLoss {_digits(self.max_ndcg_loss)}"
        yield f"minKendallTau {_digits(self.min_kendall_tau)}"
        for cut_off in self.cut_offs:
            yield f"cutOff {cut_off.name} {_digits(cut_off.score)} {_digits(cut_off.max_drift)}"


def gate_hash(golden_set_sha256: str, thresholds: Thresholds) -> str:
    """The hash of a gate's whole input; the chart's `bge-reranker.gateHash` makes the same.

    Args:
        golden_set_sha256: Of the golden set's bytes, hexadecimal.
        thresholds: What is demanded.
    """
    lines = [f"goldenSet {golden_set_sha256}", *thresholds.lines()]
    return sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def parse_cut_offs(text: str | None) -> tuple[CutOff, ...]:
    """Read cut-offs as the setting has them: `name=score` or `name=score:drift`, separated by commas.

    Args:
        text: The setting, which its pattern has checked.
    """
    return tuple(_cut_off(part.strip()) for part in text.split(",")) if text else ()


def _cut_off(text: str) -> CutOff:
    name, _, numbers = text.partition("=")
    score, _, drift = numbers.partition(":")
    return CutOff(name, float(score), float(drift) if drift else None)


def _digits(number: float | None) -> str:
    return "-" if number is None else f"{number:.6f}"
