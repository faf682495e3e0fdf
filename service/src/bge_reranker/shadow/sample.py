"""One answered request, kept in memory until the shadow has scored it too."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from ..engine.origin import LEAST_PRIORITY
from ..ranking.ranking import Ranking
from ..ranking.request import RankRequest

_OPTIONS = (
    "preset",
    "truncation",
    "truncation_direction",
    "max_pair_tokens",
    "max_query_tokens",
    "long_documents",
)
"""What the native dialect can say of how texts are read."""

_UNSAYABLE = ("max_document_tokens", "max_windows", "window_overlap_tokens")
"""What other dialects can say and it cannot."""

MOST_DOCUMENTS = 2_000
"""Documents of the largest request that is compared; Kendall's tau of more takes milliseconds of the processor."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A request with the logits that its caller got."""

    request: RankRequest

    logits: NDArray[np.float64]
    """float64 (N,): one logit per document, in input order."""

    seconds: float
    """From its headers to its answer."""

    held_bytes: int
    """Memory of its texts."""

    @classmethod
    def of(cls, request: RankRequest, ranking: Ranking, seconds: float) -> Self | None:
        """A sample; None where the shadow could not be asked for the same, or there is nothing to compare.

        Args:
            request: What was asked.
            ranking: What was answered.
            seconds: From its headers to its answer.
        """
        is_sayable = request.queries is None and not request.limits_query_to_half
        is_sayable = is_sayable and all(getattr(request, name) is None for name in _UNSAYABLE)
        is_whole = not ranking.errors and 0 < len(request.documents) <= MOST_DOCUMENTS
        if not (is_sayable and is_whole):
            return None
        held_bytes = sys.getsizeof(request.query) + sum(map(sys.getsizeof, request.documents))
        return cls(request, ranking.logits.astype(np.float64), seconds, held_bytes)

    def body(self) -> bytes:
        """The request in the native dialect, less urgent than anybody's."""
        request = self.request
        body: dict[str, Any] = {"query": request.query, "candidates": request.documents}
        body |= {name: value for name in _OPTIONS if (value := getattr(request, name)) is not None}
        return orjson.dumps(body | {"raw_scores": True, "priority": LEAST_PRIORITY})
