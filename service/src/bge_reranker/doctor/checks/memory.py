"""Main memory: what the machine has and the process's control groups leave of it, against what the model takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...model.machine.control_groups import group_folders, read_limit
from ...model.machine.memory_grant import free_memory_bytes
from ..finding import Finding, green, red, shown_bytes, yellow
from ..subject import Subject, Weights
from .gpu import read_facts as read_gpu_facts

_PEAK = 1.2
"""Largest use while a model is loaded and served on a CPU, in times of its weights: docs/benchmarks.md."""

_PROCESS_BYTES = 300_000_000
"""What the process takes beside the weights."""

_ON_GPU_BYTES = 3_000_000_000
"""What a process takes that computes on a GPU: CUDA's libraries, and one shard on its way through."""

_TIGHT = 1.25
_UNLIMITED_BYTES = 2**60


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """Bytes; None where nobody says."""

    machine_bytes: int | None
    limit_bytes: int | None
    """Of the process's control groups."""
    free_bytes: int | None


def look(subject: Subject) -> Iterator[Finding]:
    """Read the kernel's accounts."""
    device = subject.settings.model.device
    on_gpu = device != "cpu" and bool(read_gpu_facts().devices)
    yield judge(read_facts(), subject.weights(on_gpu=on_gpu), on_gpu=on_gpu)


def judge(facts: MemoryFacts, weights: Weights, *, on_gpu: bool) -> Finding:
    """Judge by what was granted rather than by what is free: a server may hold its own memory already."""
    granted = [size for size in (facts.machine_bytes, facts.limit_bytes) if size is not None]
    if not granted:
        return yellow("memory", "nobody says how much there is", "Look at it by hand.")
    most_bytes, needed_bytes = (
        min(granted),
        _ON_GPU_BYTES if on_gpu else int(_PEAK * weights.size_bytes) + _PROCESS_BYTES,
    )
    who = "the control group allows" if facts.limit_bytes == most_bytes else "the machine has"
    found = f"{who} {shown_bytes(most_bytes)}"
    if facts.free_bytes is not None:
        found += f", {shown_bytes(facts.free_bytes)} of it free"
    found += f"; {shown_bytes(needed_bytes)} are needed" + ("" if on_gpu else f", as {weights.described}")
    remedy = "Give more (resources.limits.memory), or serve a smaller model" + ("." if on_gpu else ", or int8.")
    if most_bytes < needed_bytes:
        return red("memory", found, remedy)
    if most_bytes < _TIGHT * needed_bytes:
        return yellow("memory", found, remedy)
    return green("memory", found)


def read_facts(meminfo: Path = Path("/proc/meminfo")) -> MemoryFacts:
    """Read what the kernel grants."""
    lines = read_limit(meminfo).splitlines()
    machine = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:")), None)
    limits = [
        int(text)
        for folder in group_folders("memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := read_limit(folder / name)).isdigit() and int(text) < _UNLIMITED_BYTES
    ]
    return MemoryFacts(machine, min(limits, default=None), free_memory_bytes())
