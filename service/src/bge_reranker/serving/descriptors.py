"""How many connections the limit of open files allows, so that it is never met.

Where it is, a listener's accept fails and its connections are closed unanswered: those of the management listener too,
by which the process is judged alive.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Self

from ..errors import SettingsError

if sys.platform != "win32":
    import resource

_PROCESS_FILES = 64
"""Kept for everything but connections: the model's files, the loop, the log."""

MOST_WAITING = 2_048
"""Most connections of a listener that the kernel may hold before they are accepted."""

_WAITING_SHARE = 16
"""As many may wait as this part of the limit, where that is less."""

_BURSTS = 2
"""Times that all which wait may be accepted before the first of them is counted."""

_MANAGEMENT_SHARE = 8
"""The management listener may hold this part of the limit. It has its own so that callers can never take it."""

LINGERING_CONNECTIONS = 32
"""Connections beyond its most that a listener keeps until they have been told so; further ones are closed at once."""

_LEAST_FILES = 512
"""Least limit with which a server starts."""


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What the limit of open files is divided into."""

    connections: int
    """Most connections of the API."""

    management_connections: int
    """Most connections of the management listener."""

    waiting: int
    """Most connections of each listener that wait to be accepted."""

    @classmethod
    def divide(cls, limit: int | None, wanted_connections: int) -> Self:
        """Divide a limit.

        Args:
            limit: Open files of the process; None for no limit.
            wanted_connections: Most connections of a listener where files are no matter (maxConnections).

        Raises:
            SettingsError: If it is too low to serve at all.
        """
        if limit is None:
            return cls(wanted_connections, wanted_connections, MOST_WAITING)
        if limit < _LEAST_FILES:
            raise SettingsError(
                f"The process may open {limit} files; a server needs {_LEAST_FILES}.",
                remedy="Raise its limit of open files (ulimit -n, LimitNOFILE, or the container runtime's).",
            )
        waiting = min(MOST_WAITING, limit // _WAITING_SHARE)
        management = min(wanted_connections, limit // _MANAGEMENT_SHARE)
        beyond = LINGERING_CONNECTIONS + _BURSTS * waiting
        room = limit - _PROCESS_FILES - management - 2 * beyond
        return cls(min(wanted_connections, room), management, waiting)


def raise_limit() -> int | None:
    """Raise the process' limit of open files as far as it may, and tell it; None where there is none."""
    if sys.platform == "win32":
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):
            # Some systems name a higher limit than they grant.
            soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
