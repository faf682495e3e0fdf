"""How torch's caching allocator has divided the memory of each GPU.

Memory that it holds and cannot give to the next batch, because it lies in pieces, is what runs out while NVML still
shows some free.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_PREFIX: Final = "bge_reranker_gpu_allocator"

_STATES: Final = (
    ("allocated", "allocated_bytes.all.current"),
    ("reserved", "reserved_bytes.all.current"),
    ("fragmented", "inactive_split_bytes.all.current"),
)
"""Values of the label `state`, with torch's name of each."""

Stats = Callable[[int], Mapping[str, int]]
"""What the allocator counts on a GPU, under torch's own names; nothing before torch computes there."""


def torch_stats(gpu: int) -> Mapping[str, int]:
    """Ask torch, if it is there and has used a GPU; neither is brought about by asking."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized() or gpu >= torch.cuda.device_count():
        return {}
    found: Mapping[str, int] = torch.cuda.memory_stats(gpu)
    return found


class AllocatorMetrics:
    """Shows what the allocator counted last.

    Args:
        gpus: How many there are.
        registry: Where they are collected.
        stats: What the allocator counts.
    """

    def __init__(self, gpus: int, registry: CollectorRegistry, stats: Stats = torch_stats) -> None:
        self._gpus = gpus
        self._stats = stats
        self._read: list[Mapping[str, int]] = []
        registry.register(self)

    def read(self) -> None:
        """Ask for every GPU."""
        self._read = [self._stats(gpu) for gpu in range(self._gpus)]

    def describe(self) -> Iterable[Metric]:
        """Names and types, for the registry."""
        return allocator_families()

    def collect(self) -> Iterable[Metric]:
        """What was read last."""
        held, flushes, failures = families = allocator_families()
        for gpu, stats in enumerate(self._read):
            if not stats:
                continue
            for state, name in _STATES:
                held.add_metric([str(gpu), state], stats[name])
            flushes.add_metric([str(gpu)], stats["num_alloc_retries"])
            failures.add_metric([str(gpu)], stats["num_ooms"])
        return families


def allocator_families() -> tuple[GaugeMetricFamily, CounterMetricFamily, CounterMetricFamily]:
    """The metrics without a value."""
    return (
        GaugeMetricFamily(
            f"{_PREFIX}_bytes",
            "Memory that torch has reserved, the part of it in use (allocated), and the part that lies between pieces "
            "in use (fragmented).",
            labels=["gpu", "state"],
        ),
        CounterMetricFamily(
            f"{_PREFIX}_flushes",
            "Allocations that succeeded only after unused memory was given back, which takes milliseconds.",
            labels=["gpu"],
        ),
        CounterMetricFamily(
            f"{_PREFIX}_failures", "Allocations that failed; the batch is halved then.", labels=["gpu"]
        ),
    )
