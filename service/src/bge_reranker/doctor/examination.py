"""All checks, and how they are run: one that fails says so in its line and ends no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from ..errors import RerankerError
from .checks import cache, gpu, guard, kernel, limits, memory, model, packages, ports, processor, redis, source, tls
from .finding import Finding, red, yellow
from .subject import Subject

Check = Callable[[Subject], Iterable[Finding]]

CHECKS: Mapping[str, Check] = {
    "gpu": gpu.look,
    "processor": processor.look,
    "memory": memory.look,
    "limits": limits.look,
    "kernel": kernel.look,
    "packages": packages.look,
    "cache": cache.look,
    "model": model.look,
    "ports": ports.look,
    "source": source.look,
    "redis": redis.look,
    "guard": guard.look,
    "tls": tls.look,
}
"""By name, in the order of the table."""


def examine(subject: Subject, names: Iterable[str] = (), checks: Mapping[str, Check] = CHECKS) -> Iterator[Finding]:
    """Look at everything, or at what is named.

    Args:
        subject: What is examined.
        names: Of the checks; none for all.
        checks: What can be looked at.
    """
    wanted = set(names) or set(checks)
    for name, check in checks.items():
        if name in wanted:
            yield from _run(name, check, subject)


def _run(name: str, check: Check, subject: Subject) -> Iterator[Finding]:
    try:
        yield from check(subject)
    except RerankerError as error:
        yield red(name, f"{error.code}: {error.message.rstrip('.')}", error.remedy)
    except Exception as error:  # noqa: BLE001 - a machine may be strange in any way, which is what it is asked for
        yield yellow(name, f"could not be looked at ({type(error).__name__}: {error})", "Look at it by hand.")
