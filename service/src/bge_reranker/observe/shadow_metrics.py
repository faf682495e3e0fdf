"""What is measured of another version that scores a sample of the requests: the shadow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ..evaluation.comparison import Report

SampleOutcome = Literal["compared", "dropped", "unanswered", "refused", "unfit"]
"""What becomes of a sampled request: compared; dropped, since too much waited; not answered in time; refused, or
answered by another version; or unfit, because the shadow cannot be asked for the same."""

_VERSIONS: Final = ("served", "shadow")
"""Who answered one and the same request."""


class ShadowMetrics:
    """The shadow's metrics. Means are over all comparisons with its version, as `/info` has them.

    Args:
        registry: Where they are collected.
        seconds: Bounds of buckets.
    """

    def __init__(self, registry: CollectorRegistry, seconds: Sequence[float]) -> None:
        self._samples = Counter(
            "bge_reranker_shadow_samples",
            "Sampled requests by what became of them: compared with the shadow, dropped, unanswered, refused, unfit.",
            ["outcome"],
            registry=registry,
        )
        for outcome in get_args(SampleOutcome):
            self._samples.labels(outcome)
        self._info = Gauge(
            "bge_reranker_shadow_info",
            "The version that is fed with samples, with the value 1; without a digest and 0 while there is none.",
            ["digest"],
            registry=registry,
        )
        self.fed(None)
        self._comparisons = Gauge(
            "bge_reranker_shadow_comparisons", "Requests that the means are of.", registry=registry
        )
        self._kendall_tau = Gauge(
            "bge_reranker_shadow_kendall_tau",
            "Agreement of the shadow's order with the served one: mean tau-b; 0 before the first comparison.",
            registry=registry,
        )
        self._top_overlap = Gauge(
            "bge_reranker_shadow_overlap_at_10",
            "Mean share of the first 10 results that both have; 0 before the first comparison.",
            registry=registry,
        )
        self._score_drift = Gauge(
            "bge_reranker_shadow_score_drift",
            "Mean distance of the shadow's score of a document from the served one.",
            registry=registry,
        )
        self._seconds = Histogram(
            "bge_reranker_shadow_request_seconds",
            "Whole requests that were compared, by the version that answered.",
            ["version"],
            buckets=seconds,
            registry=registry,
        )
        for version in _VERSIONS:
            self._seconds.labels(version)

    def sampled(self, outcome: SampleOutcome, count: int = 1) -> None:
        """Count what became of samples."""
        self._samples.labels(outcome).inc(count)

    def compared(self, report: Report, served_s: float, shadow_s: float) -> None:
        """Show the means over all comparisons, with the times of the last one.

        Args:
            report: Of this version so far.
            served_s: Seconds that its caller waited.
            shadow_s: Seconds that the shadow took.
        """
        self.sampled("compared")
        self._comparisons.set(report.comparisons)
        self._kendall_tau.set(report.kendall_tau or 0.0)
        self._top_overlap.set(report.top_overlap or 0.0)
        self._score_drift.set(report.score_drift or 0.0)
        for version, seconds in zip(_VERSIONS, (served_s, shadow_s), strict=True):
            self._seconds.labels(version).observe(seconds)

    def fed(self, digest: str | None) -> None:
        """Show which version is fed; None for none."""
        self._info.clear()
        self._info.labels(digest or "").set(int(digest is not None))
