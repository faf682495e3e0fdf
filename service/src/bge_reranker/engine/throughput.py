"""How many tokens per second this replica computes: a moving estimate, seeded by calibration."""

from __future__ import annotations

from statistics import median

_HALF_LIFE_S = 10.0
"""Seconds of computing after which a measurement counts half: a change of load or clock rate shows within some
seconds, one odd batch does not."""

_MIN_FILL = 0.25
"""Part of the possible batch below which a slow batch may be small: small batches are bound by launching and leave
cores idle, say nothing of what could be computed, and would make a quiet server look slow."""

_MIN_TOKENS = 512
"""Tokens of several pairs, from which on a batch occupies every core; fewer are small."""

_MIN_LAUNCHES = 16.0
"""Times the seconds of launching that the computing of a batch must take; else it is small."""

_STEP = 0.1
"""Part by which a batch must miss its expected time to count as a sign that the rate has changed at a stroke."""

_STEP_BATCHES = 3
"""Such signs in a row, all to one side, after which they alone are believed: a neighbour that takes half of the
processor, or a GPU that lowers its clock, is known within some batches, and one odd batch changes little."""

_MOST_ODD = 2.0
"""Times its expected seconds that one batch is believed to have taken, before others say the same. A process that was
paused, or throttled, for seconds would otherwise look as slow as that for long, most of all soon after its start."""

_DOUBT_MEMORY = 0.9
"""Weight that the errors of earlier batches keep with each further one."""

_MIN_MEASURED_S = 1e-6
"""Shortest time in seconds that a measurement may claim, so that a coarse clock cannot make the rate infinite."""


class Throughput:
    """Tokens per second as a ratio of two decaying sums.

    Args:
        batch_s: Seconds that a batch takes however small it is, as calibration found; 0 where it did not look.
    """

    def __init__(self, batch_s: float = 0.0) -> None:
        self.batch_s = batch_s
        self._tokens = 0.0
        self._seconds = 0.0
        self._doubt_s = 0.0
        self._signs: list[tuple[int, float, bool]] = []

    @property
    def tokens_per_second(self) -> float:
        """The estimate; 0 until the first measurement."""
        return self._tokens / self._seconds if self._seconds else 0.0

    @property
    def doubt_s(self) -> float:
        """Seconds by which batches lately missed their expected times, on average."""
        return self._doubt_s

    def expected_s(self, tokens: float) -> float:
        """Seconds that so many tokens are expected to take; 0 until the first measurement."""
        return tokens / self.tokens_per_second if self._seconds else 0.0

    def tokens_within(self, seconds: float) -> int:
        """Tokens that are expected to be computed within a time, at least 1."""
        return max(1, int(self.tokens_per_second * seconds))

    def record(self, tokens: int, seconds: float, possible_tokens: int) -> bool:
        """Take in one batch.

        Args:
            tokens: Tokens of the batch.
            seconds: Time it took to compute.
            possible_tokens: Tokens that the batch could have had.

        Returns:
            False where the batch says nothing.
        """
        seconds = max(seconds, _MIN_MEASURED_S)
        believed_s = seconds
        if self._seconds:
            believed_s = min(seconds, _MOST_ODD * self.expected_s(tokens))
            error_s = abs(believed_s - self.expected_s(tokens))
            self._doubt_s = self._doubt_s * _DOUBT_MEMORY + error_s * (1 - _DOUBT_MEMORY)
        if self._is_small(tokens, possible_tokens) and tokens / seconds < self.tokens_per_second:
            return False
        self._look_for_step(tokens, seconds)
        if len(self._signs) == _STEP_BATCHES:
            # The middle one of their rates: one of them may be the odd batch, and its time outweigh the others'.
            tokens = sum(sign[0] for sign in self._signs)
            self.restart(tokens, tokens * median(sign[1] / sign[0] for sign in self._signs))
            return True
        # The weight of a measurement is its duration, capped so that one very long batch cannot outweigh all others.
        decay = 0.5 ** (min(believed_s, _HALF_LIFE_S) / _HALF_LIFE_S)
        self._tokens = self._tokens * decay + tokens
        self._seconds = self._seconds * decay + believed_s
        return True

    def restart(self, tokens: int, seconds: float) -> None:
        """Believe this measurement and forget all earlier ones."""
        self._tokens, self._seconds = float(tokens), max(seconds, _MIN_MEASURED_S)
        self._signs.clear()

    def _is_small(self, tokens: int, possible_tokens: int) -> bool:
        bound_by_launching = tokens < max(_MIN_TOKENS, _MIN_LAUNCHES * self.batch_s * self.tokens_per_second)
        return bound_by_launching and tokens < _MIN_FILL * possible_tokens

    def _look_for_step(self, tokens: int, seconds: float) -> None:
        expected_s = self.expected_s(tokens)
        is_sign, is_slower = abs(seconds - expected_s) >= _STEP * expected_s > 0, seconds > expected_s
        if not is_sign or (self._signs and self._signs[-1][2] != is_slower):
            self._signs.clear()
        if is_sign:
            self._signs.append((tokens, seconds, is_slower))
