"""The operating system: kernel and C library, which prebuilt packages need of some age."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..finding import Finding, green, red, yellow
from ..subject import Subject

_OLDEST_KERNEL = (4, 18)
"""Of the oldest distributions that torch and OpenVINO are built for."""

_OLDEST_GLIBC = (2, 28)
"""What their packages say in their names: manylinux_2_28."""

_NUMBERS = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """What the system says of itself."""

    system: str
    kernel: str
    library: str
    """Name and version of the C library; empty where it is another than glibc."""


def look(_subject: Subject) -> Iterator[Finding]:
    """Ask the system."""
    yield judge(KernelFacts(platform.system(), platform.release(), " ".join(platform.libc_ver()).strip()))


def judge(facts: KernelFacts) -> Finding:
    """Judge by the ages that prebuilt packages need."""
    found = f"{facts.system} {facts.kernel}" + (f", {facts.library}" if facts.library else "")
    if facts.system != "Linux":
        return yellow("kernel", found, "For production use Linux; limits and disks are read from its kernel.")
    library = _version(facts.library)
    if library is not None and library < _OLDEST_GLIBC:
        return red("kernel", found, "Use a distribution with glibc 2.28 or newer: prebuilt packages need it.")
    if library is None:
        return yellow("kernel", f"{found}, no glibc", "Use a distribution with glibc: prebuilt packages need it.")
    kernel = _version(facts.kernel)
    if kernel is not None and kernel < _OLDEST_KERNEL:
        return yellow("kernel", found, "Update the kernel; this one is older than what anything here is tested with.")
    return green("kernel", found)


def _version(text: str) -> tuple[int, int] | None:
    found = _NUMBERS.search(text)
    return None if found is None else (int(found[1]), int(found[2]))
