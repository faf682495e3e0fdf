"""The published logits of BAAI/bge-reranker-large, and the check of served weights against them.

Source: the values that FlagEmbedding publishes in its examples and tutorials for this model, and OpenVINO Model
Server's rerank demo for the "hello" pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...precision import FLOAT16, FLOAT32, PRECISIONS, Precision

MODEL = "BAAI/bge-reranker-large"
"""The only model that the golden pairs speak of."""


@dataclass(frozen=True, slots=True)
class GoldenPair:
    """A pair with its published logit."""

    query: str
    """The query."""

    document: str
    """The document."""

    logit: float
    """The published value before the sigmoid."""

    precision: Precision
    """Number format in which it was computed, as far as its digits tell."""


@dataclass(frozen=True, slots=True)
class SelfCheckRow:
    """One pair, compared."""

    pair: GoldenPair
    """What was published."""

    logit: float
    """What the served weights gave."""

    difference: float
    """Distance of the two."""

    tolerance: float
    """Largest distance that passes: the wider of the two number formats'."""

    @property
    def passed(self) -> bool:
        """Whether the distance is within the tolerance; NaN never is."""
        return self.difference <= self.tolerance


@dataclass(frozen=True, slots=True)
class SelfCheckReport:
    """All pairs, compared."""

    rows: tuple[SelfCheckRow, ...]
    """One per golden pair, in their order."""

    @property
    def passed(self) -> bool:
        """Whether every pair passed."""
        return all(row.passed for row in self.rows)


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


_PANDA = "what is panda?"
_FRANCE, _CHINA = "What is the capital of France?", "What is the population of China?"
_PARIS, _BILLION = "Paris is the capital of France.", "The population of China is over 1.4 billion people."
_GIANT_PANDA = (
    "The giant panda (Ailuropoda melanoleuca), sometimes called a panda bear or simply panda, "
    "is a bear species endemic to China."
)
_TIGER = (
    "The tiger (Panthera tigris) is a member of the genus Panthera and the largest living cat species native to Asia."
)

GOLDEN_PAIRS = (
    GoldenPair("query", "passage", -1.5263671875, FLOAT16),
    GoldenPair(_PANDA, "hi", -5.60546875, FLOAT16),
    GoldenPair(_PANDA, _GIANT_PANDA, 5.76226806640625, FLOAT32),
    GoldenPair(_PANDA, "Today is a sunny day", -9.474676132202148, FLOAT32),
    GoldenPair(_PANDA, _TIGER, -2.823843240737915, FLOAT32),
    GoldenPair(_FRANCE, _PARIS, 7.9765625, FLOAT16),
    GoldenPair(_FRANCE, _BILLION, -6.84375, FLOAT16),
    GoldenPair(_CHINA, _PARIS, -7.15625, FLOAT16),
    GoldenPair(_CHINA, _BILLION, 5.453125, FLOAT16),
    GoldenPair("hello", "welcome", _logit(0.99640983), FLOAT32),
    GoldenPair("hello", "farewell", _logit(0.08154089), FLOAT32),
)
"""What the real weights must give; the "hello" values were published after the sigmoid."""


def run_selfcheck(score: Callable[[Sequence[tuple[str, str]]], Sequence[float]], precision: str) -> SelfCheckReport:
    """Score the golden pairs and compare.

    Args:
        score: Returns one logit, before any sigmoid, per (query, document).
        precision: Number format of the served weights, a key of `PRECISIONS`.

    Raises:
        ValueError: If `score` does not return one logit per pair; this is a bug.
    """
    logits = score([(pair.query, pair.document) for pair in GOLDEN_PAIRS])
    if len(logits) != len(GOLDEN_PAIRS):
        raise ValueError(f"{len(logits)} logits for {len(GOLDEN_PAIRS)} pairs; this is a bug")
    rows = []
    for pair, logit in zip(GOLDEN_PAIRS, logits, strict=True):
        tolerance = max(PRECISIONS[precision].published_bound, pair.precision.published_bound)
        rows.append(SelfCheckRow(pair, float(logit), abs(float(logit) - pair.logit), tolerance))
    return SelfCheckReport(tuple(rows))
