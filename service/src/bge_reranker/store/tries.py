"""How often a source that fails for a while is asked again, and after how long."""

from __future__ import annotations

from ..errors import HubUnreachable

MAX_TRIES = 5
"""Tries in a row that may bring nothing before a source counts as unreachable."""

_FIRST_WAIT_S = 0.5
_MAX_WAIT_S = 30.0
"""Waits double from try to try up to this; a source that says how long is believed up to this."""

_PASSING = frozenset({408, 425, 429, *range(500, 600)})
"""Statuses that say `later`: too many requests, or a fault of the server's own."""


def wait_s(error: HubUnreachable, tries: int) -> float:
    """Seconds to wait after a number of tries in a row, the last of which failed with this."""
    return min(_MAX_WAIT_S, error.retry_after_s or _FIRST_WAIT_S * 2 ** (tries - 1))


def is_passing(error: HubUnreachable) -> bool:
    """Whether the source did answer, and said `later`; who does not answer at all is asked once for its list."""
    return error.figures.get("status") in _PASSING
