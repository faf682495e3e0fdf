"""Logits to an order. Pure: no engine, no text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ..engine.trail import Trail
from ..errors import DeadlineExceeded, RerankerError

ScoreSource = Literal["memory", "redis", "in_flight", "duplicate", "computed", "bypassed"]
"""Where the score of a document came from, for metrics: known here or to other replicas, being computed for somebody
else, that of an equal document beside it, computed for it, or computed without a look at what is known."""

_NO_TRAIL: Final = Trail(0.0)


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of one request went, in seconds."""

    tokenise_s: float
    queue_s: float
    compute_s: float

    began: float = 0.0
    """When tokenising began, on the engine's clock."""

    trail: Trail = _NO_TRAIL
    """Its way through the engine."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Scores of all documents of one request. N documents."""

    logits: NDArray[np.float32]
    """float32 (N,): one logit per document in input order; meaningless where `errors` has the index."""

    errors: Mapping[int, RerankerError]
    """Documents that could not be scored, by index."""

    tokens: NDArray[np.int32]
    """int32 (N,): tokens computed for each document, its windows and the repeated query included; 0 without a score."""

    truncated: NDArray[np.bool_]
    """bool (N,): True where something of the document, or of the query beside it, was dropped."""

    timing: Timing

    known_documents: int | None = None
    """Documents whose scores were known before, or are those of equal ones; None where nobody looked."""

    @classmethod
    def empty(cls) -> Self:
        """The ranking of no documents."""
        nothing = np.zeros(0)
        return cls(
            nothing.astype(np.float32), {}, nothing.astype(np.int32), nothing.astype(np.bool_), Timing(0.0, 0.0, 0.0)
        )

    @property
    def scores(self) -> NDArray[np.float32]:
        """float32 (N,): sigmoid of the logits."""
        return sigmoid(self.logits)

    @property
    def is_partial(self) -> bool:
        """Whether documents were left out for lack of time."""
        return any(isinstance(error, DeadlineExceeded) for error in self.errors.values())

    @property
    def total_tokens(self) -> int:
        """Tokens computed for the whole request."""
        return int(self.tokens.sum(dtype=np.int64))

    def require_all(self) -> None:
        """Refuse to go on where a document has no score, for answers that cannot leave one out.

        Raises:
            RerankerError: The error of the first such document, which names its index.
        """
        for index, error in sorted(self.errors.items()):
            raise type(error)(
                f"Document {index} has no score: {error.message}",
                remedy=error.remedy,
                retry_after_s=error.retry_after_s,
                figures=error.figures,
            ) from error

    def order(self, *, ties_high_index_first: bool = False) -> list[int]:
        """Indices of the scored documents, best first.

        Logits decide, not their sigmoids: two logits of 20 and 25 have the same sigmoid in float32.

        Args:
            ties_high_index_first: Which of two equal documents comes first; dialects differ.
        """
        indices = np.array([index for index in range(len(self.logits)) if index not in self.errors], dtype=np.int64)
        if not len(indices):
            return []
        ties = -indices if ties_high_index_first else indices
        ranked: list[int] = indices[np.lexsort((ties, -self.logits[indices]))].tolist()
        return ranked


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logistic function in float64, rounded once to float32; never overflows.

    Args:
        logits: float32 (N,).
    """
    wide = logits.astype(np.float64)
    small = np.exp(-np.abs(wide))
    return np.where(wide >= 0, 1.0 / (1.0 + small), small / (1.0 + small)).astype(np.float32)
