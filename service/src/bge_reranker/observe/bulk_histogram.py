"""A histogram that takes many observations at once; the client library's takes one a call."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString


class BulkHistogram:
    """Counts values by bucket, a whole request's in one pass of NumPy.

    Args:
        name: Of the metric.
        text: What it means.
        buckets: Upper bounds, in order, without infinity.
        registry: Where it is collected.
    """

    def __init__(self, name: str, text: str, buckets: Sequence[int], registry: CollectorRegistry) -> None:
        self._name = name
        self._text = text
        self._bounds = np.asarray(buckets)
        self._names = [*(floatToGoString(bound) for bound in buckets), "+Inf"]
        self._counts = np.zeros(len(self._names), dtype=np.int64)
        self._sum = 0.0
        # Written on the event loop, read where the exposition is rendered.
        self._lock = threading.Lock()
        registry.register(self)

    def observe_all(self, values: NDArray[np.int32]) -> None:
        """Count values.

        Args:
            values: int32 (N,): any number of them.
        """
        counts = np.bincount(self._bounds.searchsorted(values), minlength=len(self._names))
        total = float(values.sum(dtype=np.int64))
        with self._lock:
            self._counts += counts
            self._sum += total

    def describe(self) -> Iterable[Metric]:
        """Its name and type, for the registry."""
        return [HistogramMetricFamily(self._name, self._text)]

    def collect(self) -> Iterable[Metric]:
        """Its samples."""
        with self._lock:
            cumulative, total = self._counts.cumsum().tolist(), self._sum
        buckets = [(name, float(count)) for name, count in zip(self._names, cumulative, strict=True)]
        return [HistogramMetricFamily(self._name, self._text, buckets=buckets, sum_value=total)]
