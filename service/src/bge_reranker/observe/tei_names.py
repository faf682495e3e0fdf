"""The same figures under the names that text-embeddings-inference gives its own, for dashboards made for it.

Only names are TEI's: buckets are ours, which quantiles are computed from as well. Its counters lack the `_total` that
Prometheus asks for, so that they are written as untyped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from ..errors import CapacityError, RequestError, RerankerError, ScoringError, TokenizerFailed, error_codes
from .metrics import Metrics

_FAILURES: Final = ("overloaded", "validation", "tokenization", "inference")
"""Values of the label `err`."""

_BATCH: Final = {"method": "batch"}
"""TEI counts a rerank request as a batch."""


class TeiNames:
    """Collects TEI's metrics from ours.

    Args:
        metrics: Ours, in whose registry TEI's are shown.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._codes = _codes_by_failure()
        metrics.registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Names and types, for the registry."""
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        metrics = self._metrics
        yield _counts("te_request_count", "Requests.", [(_BATCH, _value(metrics.rerank_requests))])
        yield _counts("te_request_success", "Requests with a ranking.", [(_BATCH, _observed(metrics.compute_seconds))])
        errors = _values_by_code(metrics.errors)
        failures = [
            ({"err": failure}, sum(errors.get(code, 0.0) for code in self._codes[failure])) for failure in _FAILURES
        ]
        yield _counts("te_request_failure", "Failed requests.", failures)
        yield _counts("te_predict_count", "Pairs that were asked for.", [({}, _value(metrics.pairs_requested))])
        yield _counts("te_predict_success", "Pairs with a score.", [({}, _value(metrics.pairs))])
        yield _renamed(metrics.request_seconds, "te_request_duration")
        yield _renamed(metrics.tokenise_seconds, "te_request_tokenization_duration")
        yield _renamed(metrics.queue_seconds, "te_request_queue_duration")
        yield _renamed(metrics.compute_seconds, "te_request_inference_duration")
        yield _renamed(metrics.pair_tokens, "te_request_input_length")
        yield _renamed(metrics.batch_pairs, "te_batch_next_size")
        yield _renamed(metrics.batch_tokens, "te_batch_next_tokens")
        yield _renamed(metrics.queue_pairs, "te_queue_size")


def with_tei_names() -> CollectorRegistry:
    """A registry of TEI's names alone, for the documentation."""
    registry = CollectorRegistry()
    registry.register(TeiNames(Metrics()))
    return registry


def _codes_by_failure() -> Mapping[str, Sequence[str]]:
    codes = set(error_codes())
    tokenizer = {TokenizerFailed.__name__}
    return {
        "overloaded": sorted(codes & _below(CapacityError)),
        "validation": sorted(codes & _below(RequestError)),
        "tokenization": sorted(tokenizer),
        "inference": sorted(codes & _below(ScoringError) - tokenizer),
    }


def _below(kind: type[RerankerError]) -> set[str]:
    return {kind.__name__}.union(*(_below(below) for below in kind.__subclasses__()))


def _renamed(ours: Collector, name: str) -> Metric:
    (family,) = ours.collect()
    renamed = Metric(name, family.documentation, family.type)
    renamed.samples = [
        sample._replace(name=name + sample.name.removeprefix(family.name), exemplar=None) for sample in family.samples
    ]
    return renamed


def _counts(name: str, text: str, values: Iterable[tuple[dict[str, str], float]]) -> Metric:
    family = Metric(name, text, "unknown")
    for labels, value in values:
        family.add_sample(name, labels, value)
    return family


def _value(counter: Counter) -> float:
    (family,) = counter.collect()
    return float(family.samples[0].value)


def _observed(histogram: Histogram) -> float:
    (family,) = histogram.collect()
    return next(float(sample.value) for sample in family.samples if sample.name.endswith("_count"))


def _values_by_code(counter: Counter) -> Mapping[str, float]:
    (family,) = counter.collect()
    return {sample.labels["code"]: float(sample.value) for sample in family.samples}
