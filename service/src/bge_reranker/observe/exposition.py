"""The text of all metrics, rendered at most once a second whoever asks how often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.openmetrics import exposition as openmetrics

FRESH_S: Final = 1.0
"""Seconds for which a rendered text is served again: no scraper asks more often on purpose, and none can cost more."""

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text of all metrics at some time."""

    content: bytes
    media_type: str
    at: float
    """Time at which it was rendered."""


class Exposition:
    """Renders a registry, and remembers what it rendered.

    Args:
        registry: What is rendered.
        clock: Seconds, monotonic.
    """

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._kept: dict[str, Rendered] = {}
        self._lock = threading.Lock()

    def fresh(self, accept: str | None) -> Rendered | None:
        """What was rendered within the last second; None where nothing was.

        Args:
            accept: The header of the scraper: OpenMetrics, which has exemplars, or Prometheus' own text.
        """
        kept = self._kept.get(_media_type(accept))
        return kept if kept is not None and 0 <= self._clock() - kept.at < FRESH_S else None

    def render(self, accept: str | None) -> Rendered:
        """Render unless somebody just has; takes milliseconds, so that an event loop calls it in a thread.

        Args:
            accept: As in `fresh`.
        """
        media_type = _media_type(accept)
        with self._lock:
            if (kept := self.fresh(accept)) is not None:
                return kept
            at = self._clock()
            content = (
                # Our names need no escaping; this scheme finds it out by the name, the others by the letter.
                openmetrics.generate_latest(self._registry, openmetrics.ALLOWUTF8)
                if media_type == _OPENMETRICS
                else exposition.generate_latest(self._registry)
            )
            rendered = self._kept[media_type] = Rendered(content, media_type, at)
            return rendered


def _media_type(accept: str | None) -> str:
    """The first of both formats that a scraper names; Prometheus' own where it names neither."""
    for wanted in (accept or "").split(","):
        kind = wanted.split(";")[0].strip().lower()
        if kind == "application/openmetrics-text":
            return _OPENMETRICS
        if kind == "text/plain":
            break
    return _TEXT
