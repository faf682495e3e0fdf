"""Every metric of the scorer: name, unit, meaning. All exist from the first scrape on.

docs/metrics.md has them as a table, which is generated from here. Labels take values from fixed sets only, but for the
names of callers whose keys or tokens are right, of which so many are told apart: no text of a request, such as the name
of a model or a path, can make a series.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Final, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from ..engine.engine import Engine
from ..engine.origin import PriorityClass
from ..engine.scorer import ScorerDescription
from ..engine.ticket import SCORED
from ..errors import (
    BatchFailed,
    CallerGone,
    CapacityError,
    DeadlineExceeded,
    Draining,
    NonFiniteScore,
    PairTooLarge,
    RerankerError,
    WorkerDied,
    error_codes,
)
from ..evaluation.verdict import GateVerdict
from ..ranking.ranking import Ranking, ScoreSource
from ..settings import DialectName
from .bulk_histogram import BulkHistogram
from .exposition import Exposition
from .shadow_metrics import ShadowMetrics

_MILLISECONDS = (1, 2.5, 5, 7.5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750)
SECONDS: Final = (*(bound / 1000 for bound in _MILLISECONDS), 1, 1.5, 2.5, 5, 10, 30, 60)
"""Buckets from an idle GPU's millisecond to the longest deadline, closest where search teams set their objectives."""

_LAG_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
"""Buckets of how late the event loop runs."""

_POWERS_OF_2: Final = tuple(2**power for power in range(4, 18))
"""Buckets of tokens in a batch."""

_PAIR_TOKENS: Final = (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096, 8192, 16_384)
"""Buckets of tokens of a document, its query included."""

_BATCH_PAIRS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
"""Buckets of pairs in a batch."""

_MOST_CALLERS: Final = 100
"""Callers that are counted apart; a label for each of thousands would be a burden to whoever scrapes."""

_OTHERS: Final = "others"
"""Stands for the callers beyond those."""

_DIALECTS: Final[tuple[str, ...]] = (*get_args(DialectName), "none")
"""Values of the label `dialect`; `none` where a request never had one."""

_STATUSES: Final = (200, 422, 429, 500, 503, 504)
"""Statuses that every dialect has a series for from the start; others appear with their first answer."""

_PAIR_ENDS: Final = (
    SCORED,
    *(
        kind.__name__
        for kind in (BatchFailed, CallerGone, DeadlineExceeded, Draining, NonFiniteScore, PairTooLarge, WorkerDied)
    ),
)
"""How a pair may end in the engine."""

_CALLER_KINDS: Final = ("anonymous", "key", "token", "internal")
"""How a caller may be known."""

_CREDENTIAL_SOURCES: Final = ("keys", "jwt_secrets", "jwks_file", "jwks_url")
"""Where credentials may be read from again."""

_REDIS_PARTS: Final = ("limits", "cache")
"""Who asks Redis."""

_REDIS_OUTCOMES: Final = ("ok", "failed", "timed_out", "skipped")
"""How an operation on it may end."""

_MODEL_LABELS: Final = ("model", "revision", "digest", "device", "precision", "runtime")


class Metrics:
    """The metrics of one process, in a registry of their own so that two servers in one test do not meet."""

    def __init__(self) -> None:
        # When a series began is in no dashboard, and is as much text again as the metrics themselves.
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self.exposition = Exposition(self.registry)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._process()
        self._telemetry()
        self._http()
        self._requests()
        self._batches()
        self._queue()
        self._gate()
        self.shadow = ShadowMetrics(self.registry, SECONDS)
        self._scores()
        self._guard()

    def request_ended(
        self,
        dialect: str,
        status: int,
        code: str,
        seconds: float,
        documents: int,
        ranking: Ranking | None,
        exemplar: dict[str, str] | None = None,
    ) -> None:
        """Count one answered request.

        Args:
            dialect: Its dialect, or `none` where it never had one.
            status: HTTP status, 0 where nothing was sent.
            code: Error code, or `ok`.
            seconds: From its headers to its answer.
            documents: Documents in it.
            ranking: Its ranking, where there is one.
            exemplar: Labels of its trace, where it is recorded.
        """
        self.http_requests.labels(dialect, str(status)).inc()
        if code != "ok":
            self._count_error(code)
        if dialect == "none":
            return
        self.rerank_requests.inc()
        self.request_seconds.observe(seconds, exemplar)
        self.pairs_requested.inc(documents)
        if ranking is None:
            return
        self.truncated.inc(int(ranking.truncated.sum()))
        for failure, count in collections.Counter(error.code for error in ranking.errors.values()).items():
            self.errors.labels(failure).inc(count)
        self.pair_tokens.observe_all(ranking.tokens)
        self.tokenise_seconds.observe(ranking.timing.tokenise_s)
        self.queue_seconds.observe(ranking.timing.queue_s, exemplar)
        self.compute_seconds.observe(ranking.timing.compute_s)

    def serve(
        self, name: str, revision: str | None, digest: str, description: ScorerDescription, engine: Engine
    ) -> None:
        """Show a model and read its engine's gauges at every scrape from now on.

        Args:
            name: Name of the model.
            revision: Its version by name, where it has one.
            digest: Its tree digest.
            description: What scores.
            engine: What to read the backlog from.
        """
        self.model_info.clear()
        self.model_info.labels(
            name, revision or "", digest, description.device, description.precision, description.runtime
        ).set(1)
        self.replaced_bodies.set(sum(note.kind.is_replacement for note in description.notes))
        self.capacity_tokens_per_second.set(engine.tokens_per_second)
        self.queue_tokens.set_function(lambda: engine.backlog_tokens)
        self.queue_pairs.set_function(lambda: engine.waiting_pairs)
        self.backlog_seconds.set_function(lambda: engine.backlog_s)
        for group in get_args(PriorityClass):
            self.waiting_tokens.labels(group).set_function(partial(_waiting_tokens, engine, group))
        self.tokens_per_second.set_function(lambda: engine.tokens_per_second)
        self.batch_budget_tokens.set_function(lambda: engine.budget_tokens)

    def judge(self, verdict: GateVerdict) -> None:
        """Show what the relevance gate found."""
        self.gate_info.clear()
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
        self._count_error(error.code)

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

    def scores_found(self, where: ScoreSource, documents: int) -> None:
        """Count documents by where their scores came from."""
        self.scores.labels(where).inc(documents)

    def keep_scores(self, entries: Callable[[], int]) -> None:
        """Read the size of the score cache at every scrape from now on.

        Args:
            entries: Scores that are kept in this process.
        """
        self.score_cache_entries.set_function(entries)

    def caller_served(self, name: str, documents: int, tokens: int) -> None:
        """Count what one caller was answered; callers beyond a number are counted as one.

        Args:
            name: The caller's; empty where callers need not say who they are.
            documents: Documents of the request.
            tokens: Its tokens, known scores included.
        """
        if name not in self._callers and len(self._callers) >= _MOST_CALLERS:
            name = _OTHERS
        self._callers.add(name)
        self.caller_requests.labels(name).inc()
        self.caller_documents.labels(name).inc(documents)
        self.caller_tokens.labels(name).inc(tokens)

    def _scores(self) -> None:
        self.scores = self._counter("scores", "Documents by where their scores came from.", ["source"])
        self.score_cache_entries = self._gauge("score_cache_entries", "Scores that are kept in this process.")
        self._callers = {""}
        self.caller_requests = self._counter("caller_requests", "Requests answered, by caller.", ["caller"])
        self.caller_documents = self._counter("caller_documents", "Documents of answered requests.", ["caller"])
        self.caller_tokens = self._counter(
            "caller_tokens", "Tokens of answered requests, known scores included.", ["caller"]
        )
        for where in get_args(ScoreSource):
            self.scores.labels(where)
        # Whoever need not say who they are, and whoever comes after the most that are told apart.
        for counter in (self.caller_requests, self.caller_documents, self.caller_tokens):
            for name in ("", _OTHERS):
                counter.labels(name)

    def _count_error(self, code: str) -> None:
        self.errors.labels(code).inc()
        if (rejection := self._rejections.get(code)) is not None:
            rejection.inc()

    def _process(self) -> None:
        build = self._gauge("build_info", "Version of this program; always 1.", ["version"])
        build.labels(version("bge-reranker")).set(1)
        self.live = self._gauge("live", "1 unless only a restart can help: the worker has died, or makes no progress.")
        self.ready = self._gauge("ready", "1 while requests should come here.")
        self.model_info = self._gauge(
            "model_info",
            "The served model and what computes it, with the value 1; without labels and 0 until there is one.",
            _MODEL_LABELS,
        )
        self.model_info.labels(*("" for _ in _MODEL_LABELS)).set(0)
        self.replaced_bodies = self._gauge(
            "replaced_bodies", "Fast computations that warm-up replaced by their plain form, because they disagreed."
        )
        self.event_loop_lag_seconds = Histogram(
            "bge_reranker_event_loop_lag_seconds",
            "How late the event loop ran a timer.",
            buckets=_LAG_SECONDS,
            registry=self.registry,
        )

    def _telemetry(self) -> None:
        self.log_lines_skipped = self._counter(
            "log_lines_skipped", "Lines on requests that were left out of the log, because there were too many."
        )
        self.spans = self._counter(
            "spans", "Spans of traces by what became of them: delivered, failed, dropped before sending.", ["outcome"]
        )
        for outcome in ("delivered", "failed", "dropped"):
            self.spans.labels(outcome)

    def credentials_read(self, source: str, *, is_ok: bool) -> None:
        """Count one attempt to read credentials anew.

        Args:
            source: Where they come from.
            is_ok: Whether they could be read.
        """
        self.credential_reads.labels(source, "ok" if is_ok else "failed").inc()

    def authenticated(self, kind: str) -> None:
        """Count one request that may pass, by how its caller is known."""
        self.callers.labels(kind).inc()

    def _http(self) -> None:
        self.http_requests = self._counter("http_requests", "HTTP requests answered.", ["dialect", "status"])
        self.requests_in_flight = self._gauge("requests_in_flight", "HTTP requests being answered now.")
        self.errors = self._counter("errors", "Errors by code: whole requests and single documents.", ["code"])
        self.rejections = self._counter(
            "rejections", "Requests that were refused or given up for want of capacity, by the error's code.", ["code"]
        )
        for dialect in _DIALECTS:
            for status in _STATUSES:
                self.http_requests.labels(dialect, str(status))
        for code in error_codes():
            self.errors.labels(code)
        # Who hung up was not rejected.
        self._rejections: Mapping[str, Counter] = {
            kind.__name__: self.rejections.labels(kind.__name__)
            for kind in CapacityError.__subclasses__()
            if kind is not CallerGone
        }

    def _requests(self) -> None:
        # The name that the original guide's dashboards use.
        self.rerank_requests = Counter("rerank_requests", "Rerank requests answered.", registry=self.registry)
        self.request_seconds = self._histogram("request_seconds", "Whole rerank requests, from headers to answer.")
        self.tokenise_seconds = self._histogram("tokenise_seconds", "Tokenising, per request.")
        self.queue_seconds = self._histogram("queue_seconds", "Waiting until the last pair began, per request.")
        self.compute_seconds = self._histogram("compute_seconds", "Share of computing time, per request.")
        self.pairs_requested = self._counter("pairs_requested", "Pairs that callers asked for.")
        self.pair_tokens = BulkHistogram(
            "bge_reranker_pair_tokens",
            "Tokens of each document, with its query; all windows of a long one together.",
            _PAIR_TOKENS,
            self.registry,
        )
        self.truncated = self._counter("truncated_documents", "Documents of which something was dropped.")

    def _batches(self) -> None:
        self.pairs = self._counter("pairs", "Pairs scored.")
        self.tokens = self._counter("tokens", "Tokens scored.")
        self.pairs_ended = self._counter(
            "pairs_ended", "Pairs by how they ended: Scored, or an error's code.", ["code"]
        )
        self.batches = self._counter("batches", "Batches run, by outcome.", ["outcome"])
        self.batch_tokens = Histogram(
            "bge_reranker_batch_tokens", "Tokens per batch.", buckets=_POWERS_OF_2, registry=self.registry
        )
        self.batch_pairs = Histogram(
            "bge_reranker_batch_pairs", "Pairs per batch.", buckets=_BATCH_PAIRS, registry=self.registry
        )
        self.batch_fill = Histogram(
            "bge_reranker_batch_fill_ratio",
            "Tokens per batch over the budget it was made for.",
            buckets=(0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
            registry=self.registry,
        )
        self.batch_seconds = self._histogram("batch_seconds", "Computing time per batch.")
        for code in _PAIR_ENDS:
            self.pairs_ended.labels(code)
        for outcome in ("ok", "failed", "out_of_memory"):
            self.batches.labels(outcome)

    def _queue(self) -> None:
        self.backlog_seconds = self._gauge(
            "backlog_seconds", "Seconds until all that is queued and running is expected to be done: what to scale on."
        )
        self.queue_tokens = self._gauge("queue_tokens", "Tokens reserved, waiting or in flight.")
        self.waiting_tokens = self._gauge(
            "waiting_tokens", "Tokens that wait for a batch, by class of priority.", ["priority"]
        )
        for group in get_args(PriorityClass):
            self.waiting_tokens.labels(group)
        self.queue_pairs = self._gauge("queue_pairs", "Pairs that wait for a batch.")
        self.tokens_per_second = self._gauge("tokens_per_second", "Rate of this replica, as measured lately.")
        self.capacity_tokens_per_second = self._gauge(
            "capacity_tokens_per_second", "Rate of this replica, as measured at warm-up."
        )
        self.batch_budget_tokens = self._gauge("batch_budget_tokens", "Largest batch now, in tokens.")

    def _gate(self) -> None:
        self.gate_info = self._gauge(
            "gate_info",
            "Verdict of the relevance gate, with the value 1; without labels and 0 until there is one.",
            ["hash", "verdict"],
        )
        self.gate_info.labels("", "").set(0)
        self.gate_ndcg_at_10 = self._gauge(
            "gate_ndcg_at_10", "nDCG@10 of the served model on the golden set; 0 without a gate."
        )

    def _guard(self) -> None:
        self.callers = self._counter("authenticated_requests", "Requests let in, by how callers are known.", ["kind"])
        for kind in _CALLER_KINDS:
            self.callers.labels(kind)
        self.credential_reads = self._counter(
            "credential_reads", "Attempts to read keys anew, by where they come from.", ["source", "outcome"]
        )
        for source in _CREDENTIAL_SOURCES:
            for outcome in ("ok", "failed"):
                self.credential_reads.labels(source, outcome)
        self.redis_operations = self._counter(
            "redis_operations", "Operations on Redis, by who asked and how they ended.", ["part", "outcome"]
        )
        self.redis_breaker_open = self._gauge(
            "redis_breaker_open", "1 while requests go on without asking Redis, which did not answer."
        )
        for part in _REDIS_PARTS:
            for outcome in _REDIS_OUTCOMES:
                self.redis_operations.labels(part, outcome)

    def _counter(self, name: str, text: str, labels: list[str] | None = None) -> Counter:
        return Counter(f"bge_reranker_{name}", text, labels or [], registry=self.registry)

    def _gauge(self, name: str, text: str, labels: list[str] | tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"bge_reranker_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"bge_reranker_{name}", text, buckets=SECONDS, registry=self.registry)


def _waiting_tokens(engine: Engine, group: PriorityClass) -> int:
    return engine.waiting_by_class.get(group, 0)
