"""What this process serves and how far it is; the one place that health, handlers and shutdown look at."""

from __future__ import annotations

from ..errors import Draining, NotReady, RerankerError, WorkerDied
from ..ranking.served_model import ServedModel


class ServingState:
    """Loading, then ready, then draining. Written by the process's main task, read everywhere."""

    def __init__(self) -> None:
        self.model: ServedModel | None = None
        self.failure: RerankerError | None = None
        self.is_draining = False

    def require_model(self) -> ServedModel:
        """Give the served model.

        Raises:
            RerankerError: Why there is none: still loading, or what loading failed with.
        """
        if self.model is not None:
            return self.model
        raise self.failure or _loading()

    @property
    def is_live(self) -> bool:
        """False where only a restart can help."""
        if self.failure is not None:
            return False
        return self.model is None or self.model.engine.is_making_progress()

    def unready(self) -> RerankerError | None:
        """Why new requests should go elsewhere, or None when they should come here."""
        if self.failure is not None:
            return self.failure
        if self.model is None:
            return _loading()
        if self.is_draining:
            return Draining("The server is draining.")
        if self.model.engine.failure is not None:
            return self.model.engine.failure
        return None if self.is_live else WorkerDied("The worker makes no progress.")


def _loading() -> NotReady:
    return NotReady("The model is still loading.", remedy="Try again shortly.", retry_after_s=2.0)
