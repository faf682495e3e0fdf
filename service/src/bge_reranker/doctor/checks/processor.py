"""The processor: whether it has the wide instructions that matrix products are fast with."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass

from ...model.machine.processor import instruction_sets, processor_name
from ..finding import Finding, green, yellow
from ..subject import Subject

_X86 = frozenset({"x86_64", "AMD64"})


@dataclass(frozen=True, slots=True)
class ProcessorFacts:
    """What the kernel says of it."""

    name: str
    architecture: str
    instruction_sets: tuple[str, ...]


def look(_subject: Subject) -> Iterator[Finding]:
    """Read what the kernel says of the processor."""
    yield judge(ProcessorFacts(processor_name(), platform.machine(), instruction_sets()))


def judge(facts: ProcessorFacts) -> Finding:
    """Judge by the widest instructions: AVX2 is what the CPU scorer expects, AMX and AVX-512 make it faster."""
    known = set(facts.instruction_sets)
    if facts.architecture not in _X86:
        return green("processor", f"{facts.name} ({facts.architecture})")
    if not known:
        return yellow(
            "processor", f"{facts.name}, of which the kernel lists no instructions", "Look at the host's own."
        )
    found = f"{facts.name} with {', '.join(facts.instruction_sets)}"
    if "avx2" not in known:
        return yellow(
            "processor",
            f"{facts.name} without AVX2",
            "Use a processor of the last ten years, let the virtual machine pass it through, or use a GPU.",
        )
    return green("processor", found)
