"""The events of the engine, and the protocol of whoever wants them, such as metrics and logs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol

_LOGGER = logging.getLogger(__name__)
_Arguments = ParamSpec("_Arguments")


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch, as the engine ran it."""

    pairs: int
    tokens: int
    limit_tokens: int
    """Tokens that the batch could have had, for memory and for time."""
    compute_s: float
    """Seconds that the scorer took."""


class EngineObserver(Protocol):
    """Callbacks for events, on the engine's threads and outside its lock: they are quick and do not raise."""

    def on_ready(self, tokens_per_second: float, warm_up_s: float) -> None:
        """Warm-up and calibration are over; pairs will be scored from now on."""

    def on_batch_scored(self, report: BatchReport) -> None:
        """A batch got its logits."""

    def on_batch_failed(self, report: BatchReport, error: Exception) -> None:
        """The scorer raised; this is the only place that the original error, with its traceback, is handed to."""

    def on_out_of_memory(self, report: BatchReport, budget_tokens: int) -> None:
        """The device had no room for a batch; it is tried again in smaller parts within the new budget."""

    def on_budget_changed(self, budget_tokens: int, maximum_tokens: int) -> None:
        """The memory side of the batch limit was halved or has regained a step."""

    def on_pairs_ended(self, code: str, pairs: int) -> None:
        """Pairs of one submission ended: `Scored`, or the code of their error."""

    def on_callback_failed(self, error: Exception) -> None:
        """A caller's `on_done` raised; the engine goes on."""

    def on_engine_died(self, error: BaseException) -> None:
        """A thread of the engine ended by this error, or warm-up did; nothing will be scored any more."""


class SilentObserver:
    """Ignores every event; a base for observers that want only some of them."""

    def on_ready(self, tokens_per_second: float, warm_up_s: float) -> None:
        """Ignore it."""

    def on_batch_scored(self, report: BatchReport) -> None:
        """Ignore it."""

    def on_batch_failed(self, report: BatchReport, error: Exception) -> None:
        """Ignore it."""

    def on_out_of_memory(self, report: BatchReport, budget_tokens: int) -> None:
        """Ignore it."""

    def on_budget_changed(self, budget_tokens: int, maximum_tokens: int) -> None:
        """Ignore it."""

    def on_pairs_ended(self, code: str, pairs: int) -> None:
        """Ignore it."""

    def on_callback_failed(self, error: Exception) -> None:
        """Ignore it."""

    def on_engine_died(self, error: BaseException) -> None:
        """Ignore it."""


def notify(event: Callable[_Arguments, None], *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
    """Call an observer's callback; one that raises must not end a server that scores well."""
    try:
        event(*args, **kwargs)
    except Exception:
        # The observer is what logs everything else; when it is the one that fails, nobody else is left to say so.
        _LOGGER.exception("an observer of the engine raised; this is a bug")
