"""Every metric of the scorer: name, unit, meaning. All exist from the first scrape on."""

from __future__ import annotations

import collections
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from ..engine.engine import Engine
from ..engine.scorer import ScorerDescription
from ..errors import RerankerError, error_codes
from ..evaluation.verdict import GateVerdict
from ..ranking.ranking import Ranking
from ..settings import DialectName

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Buckets from an idle GPU's millisecond to the longest deadline."""

_DIALECTS: tuple[str, ...] = (*get_args(DialectName), "none")
"""Values of the label `dialect`; `none` where a request never had one."""


class Metrics:
    """The metrics of one process, in a registry of their own so that two servers in one test do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._http()
        self._requests()
        self._engine()
        self._guard()

    def request_ended(
        self, dialect: str, status: int, code: str, seconds: float, documents: int, ranking: Ranking | None
    ) -> None:
        """Count one answered request.

        Args:
            dialect: Its dialect, or `none` where it never had one.
            status: HTTP status, 0 where nothing was sent.
            code: Error code, or `ok`.
            seconds: From its headers to its answer.
            documents: Documents in it.
            ranking: Its ranking, where there is one.
        """
        self.http_requests.labels(dialect, str(status)).inc()
        if code != "ok":
            self.errors.labels(code).inc()
        if dialect == "none":
            return
        self.rerank_requests.inc()
        self.request_seconds.labels(dialect).observe(seconds)
        self.pairs_requested.inc(documents)
        if ranking is None:
            return
        self.truncated.inc(int(ranking.truncated.sum()))
        for failure, count in collections.Counter(error.code for error in ranking.errors.values()).items():
            self.errors.labels(failure).inc(count)
        self.tokenise_seconds.observe(ranking.timing.tokenise_s)
        self.queue_seconds.observe(ranking.timing.queue_s)
        self.compute_seconds.observe(ranking.timing.compute_s)

    def serve(self, name: str, digest: str, description: ScorerDescription, engine: Engine) -> None:
        """Show a model and read its engine's gauges at every scrape from now on.

        Args:
            name: Name of the model.
            digest: Its tree digest.
            description: What scores.
            engine: What to read the backlog from.
        """
        self.model_info.labels(name, digest, description.device, description.precision, description.runtime).set(1)
        self.replaced_bodies.set(sum(note.kind.is_replacement for note in description.notes))
        self.queue_tokens.set_function(lambda: engine.backlog_tokens)
        self.backlog_seconds.set_function(lambda: engine.backlog_s)
        self.tokens_per_second.set_function(lambda: engine.tokens_per_second)
        self.batch_budget_tokens.set_function(lambda: engine.budget_tokens)

    def judge(self, verdict: GateVerdict) -> None:
        """Show what the relevance gate found."""
        self.gate_info.labels(verdict.hash, verdict.verdict).set(1)
        measured = verdict.figures.get("ndcg_at_10")
        # What another server says of itself is of any shape.
        if isinstance(measured, float):
            self.gate_ndcg_at_10.set(measured)

    def refused(self, error: RerankerError, status: int) -> None:
        """Count a request that was refused before the application saw it.

        Args:
            error: Why.
            status: What was answered.
        """
        self.http_requests.labels("none", str(status)).inc()
        self.errors.labels(error.code).inc()

    def redis_asked(self, part: str, outcome: str) -> None:
        """Count one operation on Redis.

        Args:
            part: Who asked.
            outcome: How it ended.
        """
        self.redis_operations.labels(part, outcome).inc()

    def redis_breaker(self, *, is_open: bool) -> None:
        """Show whether requests go on without asking Redis."""
        self.redis_breaker_open.set(is_open)

    def _http(self) -> None:
        self.http_requests = self._counter("http_requests", "HTTP requests answered.", ["dialect", "status"])
        self.requests_in_flight = self._gauge("requests_in_flight", "HTTP requests being answered now.")
        self.errors = self._counter("errors", "Errors by code: whole requests and single documents.", ["code"])
        self.event_loop_lag_seconds = self._histogram("event_loop_lag_seconds", "How late the event loop ran a timer.")
        for dialect in _DIALECTS:
            self.http_requests.labels(dialect, "200")
        for code in error_codes():
            self.errors.labels(code)

    def _requests(self) -> None:
        # The name that the original guide's dashboards use.
        self.rerank_requests = Counter("rerank_requests", "Rerank requests answered.", registry=self.registry)
        self.request_seconds = self._histogram("request_seconds", "Whole rerank requests.", ["dialect"])
        self.tokenise_seconds = self._histogram("tokenise_seconds", "Tokenising, per request.")
        self.queue_seconds = self._histogram("queue_seconds", "Waiting until the last pair began, per request.")
        self.compute_seconds = self._histogram("compute_seconds", "Share of computing time, per request.")
        self.pairs_requested = self._counter("pairs_requested", "Pairs that callers asked for.")
        self.truncated = self._counter("truncated_documents", "Documents of which something was dropped.")
        for dialect in _DIALECTS[:-1]:
            self.request_seconds.labels(dialect)

    def _engine(self) -> None:
        self.pairs = self._counter("pairs", "Pairs scored.")
        self.tokens = self._counter("tokens", "Tokens scored.")
        self.pairs_ended = self._counter(
            "pairs_ended", "Pairs by how they ended: Scored, or an error's code.", ["code"]
        )
        self.batches = self._counter("batches", "Batches run, by outcome.", ["outcome"])
        self.batch_tokens = Histogram(
            "bge_reranker_batch_tokens",
            "Tokens per batch.",
            buckets=tuple(2**power for power in range(4, 18)),
            registry=self.registry,
        )
        self.batch_fill = Histogram(
            "bge_reranker_batch_fill_ratio",
            "Tokens per batch over the budget it was made for.",
            buckets=(0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
            registry=self.registry,
        )
        self.batch_seconds = self._histogram("batch_seconds", "Computing time per batch.")
        self.queue_tokens = self._gauge("queue_tokens", "Tokens reserved, waiting or in flight.")
        self.backlog_seconds = self._gauge(
            "backlog_seconds", "Queued and running tokens over measured tokens per second."
        )
        self.tokens_per_second = self._gauge("tokens_per_second", "Measured rate of this replica.")
        self.batch_budget_tokens = self._gauge("batch_budget_tokens", "Largest batch now, in tokens.")
        self.replaced_bodies = self._gauge(
            "replaced_bodies", "Fast computations that warm-up replaced by their plain form, because they disagreed."
        )
        self.ready = self._gauge("ready", "1 while requests should come here.")
        self.model_info = self._gauge(
            "model_info", "The served model; always 1.", ["model", "digest", "device", "precision", "runtime"]
        )
        self.gate_info = self._gauge("gate_info", "Verdict of the relevance gate; always 1.", ["hash", "verdict"])
        self.gate_ndcg_at_10 = self._gauge(
            "gate_ndcg_at_10", "nDCG@10 of the served model on the golden set; 0 without a gate."
        )
        self.pairs_ended.labels("Scored")
        for outcome in ("ok", "failed", "out_of_memory"):
            self.batches.labels(outcome)

    def _guard(self) -> None:
        self.redis_operations = self._counter(
            "redis_operations", "Operations on Redis, by who asked and how they ended.", ["part", "outcome"]
        )
        self.redis_breaker_open = self._gauge(
            "redis_breaker_open", "1 while requests go on without asking Redis, which did not answer."
        )

    def _counter(self, name: str, text: str, labels: list[str] | None = None) -> Counter:
        return Counter(f"bge_reranker_{name}", text, labels or [], registry=self.registry)

    def _gauge(self, name: str, text: str, labels: list[str] | None = None) -> Gauge:
        return Gauge(f"bge_reranker_{name}", text, labels or [], registry=self.registry)

    def _histogram(self, name: str, text: str, labels: list[str] | None = None) -> Histogram:
        return Histogram(f"bge_reranker_{name}", text, labels or [], buckets=_SECONDS, registry=self.registry)
