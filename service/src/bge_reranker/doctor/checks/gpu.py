"""GPUs: model, memory for the precision that is served, driver, and CUDA against what torch was built for."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pynvml

from ..finding import Finding, green, red, shown_bytes, yellow
from ..subject import Subject, Weights

RECOMMENDED_BYTES = 16 * 10**9
"""Recommended for a large model: room for the largest batches, and for another precision."""

_LARGE_PARAMETERS = 500_000_000
_ROOM_BYTES = 1_500_000_000
"""What CUDA itself and the batches take beside the weights, with the default limits."""

_MARKETED = 0.93
"""A GPU that is sold as one of 16 GB shows a little less."""

_BUILT_FOR = re.compile(r"^cuda[^=]*= *'([\d.]+)'", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU, or a slice of one."""

    name: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """What the driver and the packages say."""

    devices: tuple[Device, ...] = ()
    driver: str = ""
    driver_cuda: tuple[int, int] | None = None
    """The newest CUDA that the driver knows."""
    has_torch: bool = False
    torch_cuda: tuple[int, int] | None = None
    """What torch was built for; None for a build without CUDA."""


def look(subject: Subject) -> Iterator[Finding]:
    """Ask the driver, and read what torch was built for; torch itself is not imported."""
    wanted = subject.settings.model.device
    facts = GpuFacts() if wanted == "cpu" else read_facts()
    return judge(facts, wanted, subject.weights(on_gpu=True))


def judge(facts: GpuFacts, wanted: str, weights: Weights) -> Iterator[Finding]:
    """Judge what was found by what the settings want: `cpu`, `auto`, `cuda` or `cuda:N`."""
    if wanted == "cpu":
        yield green("gpu", "not used, as device is cpu")
        return
    if not facts.devices:
        found = "none that the driver shows to this process"
        if wanted == "auto":
            yield green("gpu", f"{found}; the CPU computes")
        else:
            yield red("gpu", found, "Give the container a GPU (gpu.count, runtimeClassName), or set device to cpu.")
        return
    number = int(wanted.partition(":")[2] or 0)
    if number >= len(facts.devices):
        yield red("gpu", f"{len(facts.devices)} devices, and device is {wanted}", "Name one that there is.")
        return
    yield _memory(facts.devices[number], weights)
    yield _cuda(facts, is_demanded=wanted != "auto")


def _memory(device: Device, weights: Weights) -> Finding:
    has = f"{device.name}, {shown_bytes(device.memory_bytes)}; {weights.described}"
    if device.memory_bytes < weights.size_bytes + _ROOM_BYTES:
        needed = shown_bytes(weights.size_bytes + _ROOM_BYTES)
        return red("gpu", has, f"Use a GPU with {needed} or more, or precision float16, or a smaller model.")
    if weights.parameters >= _LARGE_PARAMETERS and device.memory_bytes < _MARKETED * RECOMMENDED_BYTES:
        return yellow("gpu", has, "16 GB are recommended for a large model; lower maxBatchTokens if memory runs out.")
    return green("gpu", has)


def _cuda(facts: GpuFacts, *, is_demanded: bool) -> Finding:
    driver = f"driver {facts.driver or 'unknown'}, CUDA {_dotted(facts.driver_cuda)} at most"
    verdict = red if is_demanded else yellow
    if not facts.has_torch:
        return verdict(
            "driver", f"{driver}; torch is not installed, so the GPU is not used", "Install bge-reranker[torch]."
        )
    if facts.torch_cuda is None:
        return verdict("driver", f"{driver}; torch was built without CUDA", "Install torch's build for CUDA.")
    built = f"{driver}; torch was built for {_dotted(facts.torch_cuda)}"
    if facts.driver_cuda is not None and facts.driver_cuda[0] < facts.torch_cuda[0]:
        return red("driver", built, f"Update the driver, or install torch for CUDA {facts.driver_cuda[0]}.")
    return green("driver", built)


def _dotted(version: tuple[int, int] | None) -> str:
    return "unknown" if version is None else f"{version[0]}.{version[1]}"


def read_facts() -> GpuFacts:
    """Ask NVML, whose absence means that there is no GPU for this process."""
    has_torch, torch_cuda = read_torch_build()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return GpuFacts(has_torch=has_torch, torch_cuda=torch_cuda)
    try:
        number = pynvml.nvmlSystemGetCudaDriverVersion()
        return GpuFacts(
            devices=tuple(_devices()),
            driver=_text(pynvml.nvmlSystemGetDriverVersion()),
            driver_cuda=(number // 1000, number % 1000 // 10),
            has_torch=has_torch,
            torch_cuda=torch_cuda,
        )
    finally:
        pynvml.nvmlShutdown()


def _devices() -> Iterator[Device]:
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        slices = list(_slices(handle))
        for each in slices or [handle]:
            yield Device(_text(pynvml.nvmlDeviceGetName(each)), int(pynvml.nvmlDeviceGetMemoryInfo(each).total))


def _slices(handle: object) -> Iterator[object]:
    """MIG slices, which are devices of their own."""
    with suppress(pynvml.NVMLError):
        if pynvml.nvmlDeviceGetMigMode(handle)[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
            return
        for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
            with suppress(pynvml.NVMLError_NotFound):
                yield pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)


def read_torch_build() -> tuple[bool, tuple[int, int] | None]:
    """Whether torch is installed, and for which CUDA; importing it would take seconds, and may fail on a bad driver."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False, None
    try:
        text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return True, None
    built = _BUILT_FOR.search(text)
    if built is None:
        return True, None
    major, _, minor = built[1].partition(".")
    return True, (int(major), int(minor.partition(".")[0] or 0))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
