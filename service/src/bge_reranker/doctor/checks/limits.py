"""Limits of the process: CPU time, and files that it may have open."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass

from ...model.machine.control_groups import ROOT
from ...model.machine.threads import available_cpus, quota_cpus
from ..finding import Finding, green, yellow
from ..subject import Subject

_FILES_BESIDE_CONNECTIONS = 64
"""What the process has open beside its connections."""


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """What the process may have."""

    cpus: int
    quota_cpus: float | None
    """None where there is no quota."""
    max_open_files: int | None
    """The hard limit, up to which the server raises its own; None for no limit."""


def look(subject: Subject) -> Iterator[Finding]:
    """Read affinity, quota and limits."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    facts = LimitFacts(available_cpus(), quota_cpus(ROOT), None if files == resource.RLIM_INFINITY else files)
    return judge(facts, subject.settings.http.max_connections)


def judge(facts: LimitFacts, max_connections: int) -> Iterator[Finding]:
    """Judge each by what the server wants of it."""
    if facts.quota_cpus is None:
        yield green("cpu limit", f"{facts.cpus} CPUs, no quota")
    elif facts.quota_cpus < 1:
        yield yellow(
            "cpu limit",
            f"a quota of {facts.quota_cpus:g} CPUs, so that every thread is stopped again and again",
            "Give one CPU or more (resources.limits.cpu), or no limit at all.",
        )
    else:
        yield green("cpu limit", f"{facts.cpus} CPUs, a quota of {facts.quota_cpus:g}")
    needed = max_connections + _FILES_BESIDE_CONNECTIONS
    if facts.max_open_files is not None and facts.max_open_files < needed:
        yield yellow(
            "open files",
            f"{facts.max_open_files} at most, and http.maxConnections is {max_connections}",
            f"Raise the limit to {needed} (ulimit -Hn, LimitNOFILE), or lower http.maxConnections.",
        )
    else:
        most = "no limit" if facts.max_open_files is None else f"{facts.max_open_files} at most"
        yield green("open files", most)
