"""The processor that this process runs on: its name and the instruction sets that decide how fast it multiplies."""

from __future__ import annotations

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
"""Where Linux describes the processor."""

INSTRUCTION_SETS = ("sse4_2", "avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""The kernel's names that say how fast matrix products of each number format can be; weakest first."""


INT8_SETS = frozenset({"avx_vnni", "avx512_vnni", "amx_int8"})
"""Instruction sets that multiply 8-bit numbers without saturating sums of two products at 16 bits."""


def processor_name(cpuinfo: Path = CPUINFO) -> str:
    """Read the processor's name, or the machine's architecture where the kernel does not say it."""
    return _field(cpuinfo, "model name") or platform.machine()


def processor_vendor(cpuinfo: Path = CPUINFO) -> str:
    """Read who made the processor, in the processor's own spelling; empty where the kernel does not say."""
    return _field(cpuinfo, "vendor_id")


def instruction_sets(cpuinfo: Path = CPUINFO) -> tuple[str, ...]:
    """List which of `INSTRUCTION_SETS` the processor has; none where the kernel does not say."""
    flags = set(_field(cpuinfo, "flags").split())
    return tuple(name for name in INSTRUCTION_SETS if name in flags)


def multiplies_int8(known: tuple[str, ...]) -> bool:
    """Tell whether 8-bit products are fast and exact; where the kernel lists nothing, the runtime is trusted."""
    return not known or bool(INT8_SETS & set(known))


def gains_by_bfloat16(known: tuple[str, ...], vendor: str) -> bool:
    """Tell whether what is not in 8 bits had better be bfloat16 than float32.

    AVX512-BF16 alone is faster than float32 on AMD's processors and slower on Intel's. Without 8-bit products, as where
    a virtual machine hides them, the rounded numbers are multiplied as floats; those would be bfloat16, too, and the
    scores others than the gate passed.
    """
    is_fast = "amx_bf16" in known or ("avx512_bf16" in known and vendor == "AuthenticAMD")
    return is_fast and multiplies_int8(known)


def _field(cpuinfo: Path, wanted: str) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        field, _, value = line.partition(":")
        if field.strip() == wanted:
            return value.strip()
    return ""
