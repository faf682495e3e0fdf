"""What the relevance gate demands of a version, and the hash by which a demand is known. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from ..errors import SettingsError

_CUT_OFF = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,62})=([0-9]*\.?[0-9]+)(?::([0-9]*\.?[0-9]+))?")
"""`name=score`, or `name=score:drift`."""


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

    Raises:
        SettingsError: If one is written otherwise, is no score between 0 and 1, or two have one name.
    """
    cut_offs = tuple(_cut_off(part.strip()) for part in (text or "").split(",") if part.strip())
    names = [cut_off.name for cut_off in cut_offs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError(f"cutOffs has {', '.join(twice)} more than once.", remedy="Give each a name of its own.")
    return cut_offs


def _cut_off(text: str) -> CutOff:
    found = _CUT_OFF.fullmatch(text)
    if found is None or not 0 < float(found[2]) < 1:
        raise SettingsError(
            f"cutOffs has {text[:80]!r}, which is no name with a score between 0 and 1.",
            remedy="Write name=score or name=score:drift, such as answers=0.35:0.05.",
        )
    return CutOff(found[1], float(found[2]), None if found[3] is None else float(found[3]))


def _digits(number: float | None) -> str:
    return "-" if number is None else f"{number:.6f}"
