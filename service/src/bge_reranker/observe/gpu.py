"""The GPU's memory, utilisation and throttling, as NVML tells them.

Read by a thread of its own: a driver that hangs must hold up neither a scrape nor a request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import pynvml
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric

from .gpu_allocator import AllocatorMetrics

_INTERVAL_S: Final = 2.0
"""Seconds between two readings."""

STALE_S: Final = 15.0
"""Seconds after which a reading is no longer shown: better no series than an old one."""

_MOST_GPUS: Final = 16
"""Most GPUs that are shown."""

_REASONS: Final = (
    ("power_cap", "nvmlClocksEventReasonSwPowerCap"),
    ("hardware_slowdown", "nvmlClocksEventReasonHwSlowdown"),
    ("hardware_thermal", "nvmlClocksEventReasonHwThermalSlowdown"),
    ("hardware_power_brake", "nvmlClocksEventReasonHwPowerBrakeSlowdown"),
    ("software_thermal", "nvmlClocksEventReasonSwThermalSlowdown"),
    ("sync_boost", "nvmlClocksEventReasonSyncBoost"),
)
"""Values of the label `reason`, with the bit of each. An idle GPU is no throttled one."""

_PREFIX: Final = "bge_reranker_gpu"

_log = structlog.get_logger("bge_reranker.gpu")

Figure = TypeVar("Figure")


class Nvml(Protocol):
    """What is used of NVIDIA's `pynvml`, a module, under its own names."""

    NVMLError: type[Exception]

    def nvmlInit(self) -> None:
        """Load the driver's library."""

    def nvmlDeviceGetCount(self) -> int:
        """GPUs that this process sees."""

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:
        """One of them."""

    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any:
        """Its memory: `used` and `total`, in bytes."""

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any:
        """Its `gpu`: percent of the time in which something ran."""

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: Any) -> int:
        """Why its clock is lower than it could be, as bits."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one GPU said; None for what it does not tell, as a part of a divided GPU (MIG)."""

    used_bytes: int | None
    size_bytes: int | None
    utilisation: float | None
    """Part of the last moments in which something ran on it."""
    throttled: int | None
    """Reasons, as bits."""


class GpuMetrics:
    """Shows the last reading of each GPU.

    Args:
        nvml: `pynvml`, initialised.
        registry: Where they are collected.
        clock: Seconds, monotonic.
    """

    def __init__(self, nvml: Nvml, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._nvml = nvml
        self._clock = clock
        self._reasons = [(name, int(getattr(nvml, bit))) for name, bit in _REASONS]
        self._handles = [
            nvml.nvmlDeviceGetHandleByIndex(index) for index in range(min(_MOST_GPUS, nvml.nvmlDeviceGetCount()))
        ]
        self._read: tuple[float, list[Reading]] | None = None
        self.read()
        registry.register(self)

    @property
    def count(self) -> int:
        """How many are shown."""
        return len(self._handles)

    def read(self) -> None:
        """Ask every GPU."""
        self._read = (self._clock(), [self._reading(handle) for handle in self._handles])

    def describe(self) -> Iterable[Metric]:
        """Names and types, for the registry."""
        return gpu_families()

    def collect(self) -> Iterable[Metric]:
        """The last readings, unless they are old."""
        used, size, utilisation, throttled = families = gpu_families()
        read_at, readings = self._read or (float("-inf"), [])
        if self._clock() - read_at > STALE_S:
            readings = []
        for index, reading in enumerate(readings):
            _add(used, index, reading.used_bytes)
            _add(size, index, reading.size_bytes)
            _add(utilisation, index, reading.utilisation)
            for name, bit in self._reasons if reading.throttled is not None else ():
                throttled.add_metric([str(index), name], float(bool((reading.throttled or 0) & bit)))
        return families

    def _reading(self, handle: Any) -> Reading:
        nvml = self._nvml
        memory = self._told(nvml.nvmlDeviceGetMemoryInfo, handle)
        rates = self._told(nvml.nvmlDeviceGetUtilizationRates, handle)
        return Reading(
            used_bytes=None if memory is None else int(memory.used),
            size_bytes=None if memory is None else int(memory.total),
            utilisation=None if rates is None else rates.gpu / 100,
            throttled=self._told(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle),
        )

    def _told(self, ask: Callable[[Any], Figure], handle: Any) -> Figure | None:
        try:
            return ask(handle)
        except self._nvml.NVMLError:
            return None


def watch_gpus(registry: CollectorRegistry) -> GpuMetrics | None:
    """Show this machine's GPUs from now on; None where it has none."""
    try:
        pynvml.nvmlInit()
        gpus = GpuMetrics(pynvml, registry)
        allocator = AllocatorMetrics(gpus.count, registry)
    except pynvml.NVMLError as error:
        _log.debug("no_gpu", reason=str(error))
        return None
    threading.Thread(target=_read_for_ever, args=(gpus, allocator), name="gpu", daemon=True).start()
    return gpus


def _read_for_ever(gpus: GpuMetrics, allocator: AllocatorMetrics) -> None:
    while True:
        time.sleep(_INTERVAL_S)
        gpus.read()
        allocator.read()


def gpu_families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    """The metrics without a value."""
    return (
        GaugeMetricFamily(f"{_PREFIX}_memory_used_bytes", "Memory of the GPU in use, by any process.", labels=["gpu"]),
        GaugeMetricFamily(f"{_PREFIX}_memory_size_bytes", "Memory of the GPU.", labels=["gpu"]),
        GaugeMetricFamily(
            f"{_PREFIX}_utilisation_ratio",
            "Part of the last moments in which something ran on the GPU, however little.",
            labels=["gpu"],
        ),
        GaugeMetricFamily(
            f"{_PREFIX}_throttled", "1 while the GPU's clock is held down for this reason.", labels=["gpu", "reason"]
        ),
    )


def _add(family: GaugeMetricFamily, index: int, value: float | None) -> None:
    if value is not None:
        family.add_metric([str(index)], value)
