"""When what happened to one submission, for whoever traces requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_BATCHES = 16
"""Most batches of one submission that are remembered, the first ones; a large request takes part in hundreds."""


@dataclass(frozen=True, slots=True)
class BatchShare:
    """One batch that scored pairs of a submission."""

    began: float
    """Time on the engine's clock."""

    compute_s: float
    """Seconds that the whole batch took."""

    tokens: int
    """Tokens of the whole batch."""

    pairs: int
    """Pairs of the whole batch."""

    own_pairs: int
    """Of these, the submission's."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The way of one submission through the engine; times are on the engine's clock."""

    submitted: float

    batches: Sequence[BatchShare] = field(default_factory=tuple)
    """In order, `MOST_BATCHES` at most."""

    ended: float | None = None
    """End of its last batch; None where it was in none."""
