"""The GPU's figures, from an NVML that is played."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from bge_reranker.observe.gpu import STALE_S, GpuMetrics
from tests.engine.fakes import FakeClock


class NvmlError(Exception):
    """What NVML raises for everything."""


@dataclass
class FakeNvml:
    """Some GPUs, named by their index."""

    gpus: int = 1
    untold: set[str] = field(default_factory=set)
    """Functions that the driver does not support."""
    throttled: int = 0
    busy: int = 50

    NVMLError: type[Exception] = NvmlError
    nvmlClocksEventReasonSwPowerCap: int = 4
    nvmlClocksEventReasonHwSlowdown: int = 8
    nvmlClocksEventReasonSyncBoost: int = 16
    nvmlClocksEventReasonSwThermalSlowdown: int = 32
    nvmlClocksEventReasonHwThermalSlowdown: int = 64
    nvmlClocksEventReasonHwPowerBrakeSlowdown: int = 128

    def nvmlInit(self) -> None:
        """Nothing has to be loaded."""

    def nvmlDeviceGetCount(self) -> int:
        return self.gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return self._told("memory", SimpleNamespace(used=handle + 1, total=100))

    def nvmlDeviceGetUtilizationRates(self, _handle: int) -> Any:
        return self._told("utilisation", SimpleNamespace(gpu=self.busy))

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, _handle: int) -> int:
        self._told("throttled", None)
        return self.throttled

    def _told(self, name: str, value: Any) -> Any:
        if name in self.untold:
            raise NvmlError(name)
        return value


def shown(registry: CollectorRegistry, name: str, gpu: int = 0, **labels: str) -> float | None:
    return registry.get_sample_value(f"bge_reranker_gpu_{name}", {"gpu": str(gpu), **labels})


def test_memory_utilisation_and_throttling_are_shown_of_each_gpu() -> None:
    registry, nvml = CollectorRegistry(), FakeNvml(gpus=2, throttled=4 | 64)
    GpuMetrics(nvml, registry, FakeClock())
    assert [shown(registry, "memory_used_bytes", gpu) for gpu in (0, 1, 2)] == [1, 2, None]
    assert shown(registry, "memory_size_bytes", 1) == 100
    assert shown(registry, "utilisation_ratio", 1) == 0.5
    assert shown(registry, "throttled", 1, reason="power_cap") == 1
    assert shown(registry, "throttled", 1, reason="hardware_thermal") == 1
    assert shown(registry, "throttled", 1, reason="hardware_slowdown") == 0


@pytest.mark.parametrize("untold", ["memory", "utilisation", "throttled"])
def test_a_figure_that_the_driver_does_not_tell_has_no_series_and_takes_no_other_along(untold: str) -> None:
    registry = CollectorRegistry()
    GpuMetrics(FakeNvml(untold={untold}), registry, FakeClock())
    values = {
        "memory": shown(registry, "memory_used_bytes"),
        "utilisation": shown(registry, "utilisation_ratio"),
        "throttled": shown(registry, "throttled", reason="power_cap"),
    }
    assert [name for name, value in values.items() if value is None] == [untold]


def test_a_driver_that_hangs_leaves_no_old_figures_behind() -> None:
    registry, nvml, clock = CollectorRegistry(), FakeNvml(), FakeClock()
    gpus = GpuMetrics(nvml, registry, clock)
    clock.now += STALE_S
    assert shown(registry, "utilisation_ratio") == 0.5
    clock.now += 1
    assert shown(registry, "utilisation_ratio") is None
    nvml.busy = 100
    gpus.read()
    assert shown(registry, "utilisation_ratio") == 1
