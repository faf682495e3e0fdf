"""How many tokens per second this replica computes: a moving estimate, seeded by calibration.

What belongs here: the estimate and what follows from it. What must not: clocks, the scorer.
"""

from __future__ import annotations

_HALF_LIFE_S = 10.0
"""Seconds of computing after which a measurement counts half: a change of load or clock rate shows within some
seconds, one odd batch does not."""

_MIN_FILL = 0.25
"""Part of the possible batch below which a slow batch says nothing: small batches are bound by launching, not by
computing, and would make a quiet server look slow."""

_MIN_MEASURED_S = 1e-6
"""Shortest time in seconds that a measurement may claim, so that a coarse clock cannot make the rate infinite."""


class Throughput:
    """Tokens per second as a ratio of two decaying sums."""

    def __init__(self) -> None:
        self._tokens = 0.0
        self._seconds = 0.0

    @property
    def tokens_per_second(self) -> float:
        """The estimate; 0 until the first measurement."""
        return self._tokens / self._seconds if self._seconds else 0.0

    def expected_s(self, tokens: int) -> float:
        """Seconds that so many tokens are expected to take; 0 until the first measurement."""
        return tokens / self.tokens_per_second if self._seconds else 0.0

    def tokens_within(self, seconds: float) -> int:
        """Tokens that are expected to be computed within a time, at least 1."""
        return max(1, int(self.tokens_per_second * seconds))

    def record(self, tokens: int, seconds: float, possible_tokens: int) -> None:
        """Take in one batch.

        Args:
            tokens: Tokens of the batch.
            seconds: Time it took to compute.
            possible_tokens: Tokens that the batch could have had.
        """
        seconds = max(seconds, _MIN_MEASURED_S)
        is_small = tokens < _MIN_FILL * possible_tokens
        if is_small and tokens / seconds < self.tokens_per_second:
            return
        # The weight of a measurement is its duration, capped so that one very slow batch cannot outweigh all others.
        decay = 0.5 ** (min(seconds, _HALF_LIFE_S) / _HALF_LIFE_S)
        self._tokens = self._tokens * decay + tokens
        self._seconds = self._seconds * decay + seconds
