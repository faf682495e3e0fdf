"""How many tokens a batch may have for the device's memory: halved when memory runs out, regained step by step."""

from __future__ import annotations

_STEPS = 8
"""Steps from nothing to the maximum."""

_FIRST_PATIENCE_BATCHES = 8
"""Well-filled batches in a row that must pass before the first step up."""

_LAST_PATIENCE_BATCHES = 1024
"""Upper end of the patience, which doubles with every time memory runs out: a device that is simply too small costs
one retried batch in a thousand."""

_MIN_FILL = 0.5
"""Part of the budget that a batch must use to count as a proof that the budget fits."""


class TokenBudget:
    """The memory side of the batch limit.

    Args:
        maximum_tokens: Budget at the start, never exceeded.
    """

    def __init__(self, maximum_tokens: int) -> None:
        self._maximum_tokens = maximum_tokens
        self._tokens = maximum_tokens
        self._patience_batches = _FIRST_PATIENCE_BATCHES
        self._passed_batches = 0

    @property
    def tokens(self) -> int:
        """Most tokens in the next batch, at least 1."""
        return self._tokens

    @property
    def maximum_tokens(self) -> int:
        """Where the budget began and where it returns to."""
        return self._maximum_tokens

    def run_out(self, batch_tokens: int) -> None:
        """Memory did not suffice for a batch: allow half of it.

        A single pair may exceed the budget; that it failed says nothing about batches within it.
        """
        if batch_tokens > self._tokens:
            return
        self._tokens = max(1, batch_tokens // 2)
        self._passed_batches = 0
        self._patience_batches = min(2 * self._patience_batches, _LAST_PATIENCE_BATCHES)

    def pass_batch(self, batch_tokens: int) -> bool:
        """Take note of a batch that fitted.

        Returns:
            True when the budget has grown by a step.
        """
        if batch_tokens < _MIN_FILL * self._tokens:
            return False
        self._passed_batches += 1
        if self._passed_batches < self._patience_batches:
            return False
        self._passed_batches = 0
        if self._tokens == self._maximum_tokens:
            self._patience_batches = _FIRST_PATIENCE_BATCHES
            return False
        step_tokens = max(1, self._maximum_tokens // _STEPS)
        self._tokens = min(self._tokens + step_tokens, self._maximum_tokens)
        return True
