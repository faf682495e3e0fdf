"""Finding the pairs of a failed batch that are to blame, so that only they fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .scorer import ScorerLost

Score = Callable[[Sequence[int]], NDArray[np.float32]]
"""Computes the logits of some of the batch's pairs, by index: float32, one each; raises where one is to blame."""


class Isolation:
    """Halves a failed batch until each pair to blame stands alone, and scores all others on the way.

    The half with fewer tokens is scored first. Where it passes, the other one holds the culprit and is halved without
    being scored whole; thus one culprit among N pairs costs at most 2 ceil(log2 N) further calls, and twice the batch's
    tokens, whatever the lengths are.

    Where both halves fail on two levels in a row, either several pairs are to blame or the scorer is. `check_scorer`
    tells, once a batch.

    Args:
        lengths_tokens: Length of each pair of the batch.
        score: Scores a part of it.
        check_scorer: Raises if the scorer fails on what it is known to score; ends the isolation.
    """

    def __init__(self, lengths_tokens: Sequence[int], score: Score, check_scorer: Callable[[], None]) -> None:
        self._lengths_tokens = np.asarray(lengths_tokens, dtype=np.int64)
        self._score = score
        self._check_scorer = check_scorer
        self._is_scorer_checked = False
        self.logits = np.zeros(len(lengths_tokens), dtype=np.float32)
        self.errors: dict[int, Exception] = {}

    def run(self, error: Exception) -> None:
        """Settle every pair: `logits`, or `errors` with what the scorer raised on that pair alone.

        Args:
            error: What it raised on the whole batch.
        """
        self._divide(range(len(self.logits)), error, both_halves_failed=False)

    def _divide(self, pairs: Sequence[int], error: Exception, *, both_halves_failed: bool) -> None:
        """Settle pairs that failed together.

        Args:
            pairs: Indices, at least one.
            error: What the scorer raised on them.
            both_halves_failed: Whether the other half of what these are a half of failed too.
        """
        if len(pairs) == 1:
            self.errors[pairs[0]] = error
            return
        middle = len(pairs) // 2
        smaller, larger = sorted((pairs[:middle], pairs[middle:]), key=self._tokens)
        first_error = self._try(smaller)
        if first_error is None and len(larger) > 1:
            self._divide(larger, error, both_halves_failed=False)
            return
        second_error = self._try(larger)
        both_fail = first_error is not None and second_error is not None
        if both_fail and both_halves_failed and not self._is_scorer_checked:
            self._check_scorer()
            self._is_scorer_checked = True
        for half, found in ((smaller, first_error), (larger, second_error)):
            if found is not None:
                self._divide(half, found, both_halves_failed=both_fail)

    def _try(self, pairs: Sequence[int]) -> Exception | None:
        """Score pairs, and give what the scorer raised instead."""
        try:
            self.logits[list(pairs)] = self._score(pairs)
        except ScorerLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what failed these pairs
            return error
        return None

    def _tokens(self, pairs: Sequence[int]) -> int:
        return int(self._lengths_tokens[list(pairs)].sum())
