"""The engine's events as metrics and log lines."""

from __future__ import annotations

import traceback

import structlog

from ..engine.observer import BatchReport
from ..engine.scorer import ScorerLost
from ..errors import RerankerError
from .metrics import Metrics

_log = structlog.get_logger("bge_reranker.engine")


class EngineEvents:
    """Implements the engine's observer.

    Args:
        metrics: Where the numbers go.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def on_ready(self, tokens_per_second: float, warm_up_s: float) -> None:
        """Log the measured rate; the metric reads the engine."""
        _log.info("warmed_up", tokens_per_second=round(tokens_per_second), seconds=round(warm_up_s, 3))

    def on_batch_scored(self, report: BatchReport) -> None:
        """Count a batch and what was in it."""
        self._metrics.pairs.inc(report.pairs)
        self._metrics.tokens.inc(report.tokens)
        self._metrics.batches.labels("ok").inc()
        self._metrics.batch_tokens.observe(report.tokens)
        self._metrics.batch_pairs.observe(report.pairs)
        self._metrics.batch_fill.observe(report.tokens / max(1, report.limit_tokens))
        self._metrics.batch_seconds.observe(report.compute_s)

    def on_batch_failed(self, report: BatchReport, error: Exception) -> None:
        """Log where the scorer failed; the exception's own text may repeat an input, so only its type is kept."""
        self._metrics.batches.labels("failed").inc()
        _log.error(
            "batch_failed",
            pairs=report.pairs,
            tokens=report.tokens,
            exception=type(error).__name__,
            trace="".join(traceback.format_tb(error.__traceback__)),
        )

    def on_out_of_memory(self, report: BatchReport, budget_tokens: int) -> None:
        """Count and log a batch that did not fit."""
        self._metrics.batches.labels("out_of_memory").inc()
        _log.warning("out_of_memory", pairs=report.pairs, tokens=report.tokens, budget_tokens=budget_tokens)

    def on_budget_changed(self, budget_tokens: int, maximum_tokens: int) -> None:
        """Log it; the metric reads the engine."""
        _log.info("batch_budget", budget_tokens=budget_tokens, maximum_tokens=maximum_tokens)

    def on_pairs_ended(self, code: str, pairs: int) -> None:
        """Count pairs by how they ended."""
        self._metrics.pairs_ended.labels(code).inc(pairs)

    def on_callback_failed(self, error: Exception) -> None:
        """Log a caller's callback that raised; this is a bug."""
        _log.error(
            "callback_failed", exception=type(error).__name__, trace="".join(traceback.format_tb(error.__traceback__))
        )

    def on_engine_died(self, error: BaseException) -> None:
        """Log the end of the engine; liveness turns red by itself."""
        _log.error(
            "engine_died",
            exception=type(error).__name__,
            # Only messages that are written here hold no text of a document for sure.
            message=str(error) if isinstance(error, RerankerError | ScorerLost) else None,
            trace="".join(traceback.format_tb(error.__traceback__)),
        )
