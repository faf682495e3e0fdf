"""When a connection is told to end, so that clients which keep theirs find other replicas.

A Service of Kubernetes deals out connections, not requests: a replica that an autoscaler adds gets nothing from clients
whose connections were made before it. One that waits for a full queue therefore makes a new one soon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BUSY_BACKLOG_S: Final = 0.3
"""The backlog, in seconds, at which a replica is busy; at the same one the chart's autoscaler adds another."""

BUSY_AGE_S: Final = 10.0
"""Seconds that a connection to a busy replica may last: a handshake in that time costs next to nothing."""


def is_due_to_close(age_s: float, max_age_s: float, backlog_s: Callable[[], float]) -> bool:
    """Whether the next answer on a connection is its last.

    Args:
        age_s: Seconds since it was made.
        max_age_s: Longest that any may last.
        backlog_s: Gives the seconds of work that wait here; asked only of a connection that lasts for `BUSY_AGE_S`.
    """
    return age_s > max_age_s or (age_s > BUSY_AGE_S and backlog_s() > BUSY_BACKLOG_S)
