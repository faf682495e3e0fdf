"""A batch from its launch until its logits are here, or the reason why they are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .batch import Batch, pack
from .plan import Plan
from .scorer import Launched, ScorerLost, ScorerOutOfMemory


class WrongShape(Exception):
    """The scorer broke its contract; unlike a foreign message, this one may be shown."""


class Flight:
    """Launches a batch at once, and keeps what the scorer raises until its turn comes, so that batches end in order.

    Args:
        plan: What is scored.
        launch: Gives a batch to the scorer.
        clock: Seconds.
        is_ahead: Whether another batch is under way.

    Raises:
        ScorerLost: If nothing can be computed any more.
    """

    def __init__(
        self, plan: Plan, launch: Callable[[Batch], Launched], clock: Callable[[], float], *, is_ahead: bool
    ) -> None:
        self.plan = plan
        self.batch = plan.batch if plan.batch is not None else pack(plan.pairs)
        self.is_ahead = is_ahead
        self._clock = clock
        self.launched_at = clock()
        self._launched: Launched | None = None
        self._logits: NDArray[np.float32] | None = None
        self._error: Exception | None = None
        self.compute_s = 0.0
        """Seconds that it took, once it was waited for."""
        try:
            self._launched = launch(self.batch)
        except ScorerLost:
            raise
        except Exception as error:  # noqa: BLE001 - raised again by `logits`
            self._error = error

    @property
    def has_failed(self) -> bool:
        """Whether it is known already that there will be no logits."""
        return self._error is not None

    @property
    def ran_out(self) -> bool:
        """Whether there was no memory for it."""
        return isinstance(self._error, ScorerOutOfMemory | MemoryError)

    def wait(self, free_at: float) -> None:
        """Wait for its end.

        Args:
            free_at: When the batch before it ended; it began then, or when it was launched.

        Raises:
            ScorerLost: If nothing can be computed any more.
        """
        launched, self._launched = self._launched, None
        if launched is None:
            return
        try:
            self._logits = checked(launched.fetch(), self.batch)
        except ScorerLost:
            raise
        except Exception as error:  # noqa: BLE001 - raised again by `logits`
            self._error = error
        self.compute_s = self._clock() - max(free_at, self.launched_at)

    def logits(self) -> NDArray[np.float32]:
        """Give what was computed, after `wait`.

        Returns:
            float32 (N,): one logit per pair.

        Raises:
            Exception: Whatever the scorer raised.
        """
        if self._logits is None:
            raise self._error or RuntimeError("logits are asked for before they were waited for; this is a bug")
        return self._logits


def checked(logits: NDArray[np.float32], batch: Batch) -> NDArray[np.float32]:
    """Check that there is one logit for each pair.

    Returns:
        float32 (N,): one logit per pair.

    Raises:
        WrongShape: If not.
    """
    found = np.asarray(logits, dtype=np.float32)
    if found.shape != (len(batch),):
        raise WrongShape(f"the scorer gave logits of shape {found.shape} for {len(batch)} pairs; this is a bug")
    return found
