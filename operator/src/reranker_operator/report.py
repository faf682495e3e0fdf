"""Telling people how a Reranker is: its status, its events, the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from . import events, status
from .children import Children
from .clock import Clock
from .cluster import Cluster
from .errors import OperatorError
from .events import Event
from .metrics import Metrics
from .resource import Reranker
from .situation import Situation
from .tracked import Tracked

LOG = logging.getLogger(__name__)

SAME_EVENT_PAUSE_S = 600.0
"""An event of the same reason for the same generation is not repeated within this."""


class Reporter:
    """Writes what changed, and nothing twice.

    Args:
        cluster: Where to.
        children: What lives there.
        metrics: Counts the writes.
        clock: Time.
    """

    def __init__(self, cluster: Cluster, children: Children, metrics: Metrics, clock: Clock) -> None:
        self._cluster = cluster
        self._children = children
        self._metrics = metrics
        self._clock = clock

    def log(self, tracked: Tracked, reranker: Reranker, error: OperatorError | None) -> None:
        """Say what stopped the round, once for as long as it stays the same."""
        sentence = error.sentence() if error is not None else ""
        if error is not None and sentence != tracked.reported.error:
            LOG.warning("reconcile_failed", extra={**named(reranker), "reason": error.code, "error": sentence})
        tracked.reported.error = sentence

    async def report(
        self, tracked: Tracked, reranker: Reranker, situation: Situation, happened: Iterable[Event]
    ) -> bool:
        """Write the status if it changed, and post what a person would want to see.

        Args:
            tracked: The record.
            reranker: As it was when the round began.
            situation: What was found.
            happened: What the round did.

        Returns:
            Whether there still is such a Reranker.

        Raises:
            OperatorError: It could not be written.
        """
        reported = tracked.reported
        if reported.status is not None and reranker.version < reported.version:
            reranker = replace(reranker, status=reported.status)
        wanted = status.status_of(reranker, situation, self._clock.stamp())
        reported.state = next(each["reason"] for each in wanted["conditions"] if each["type"] == "Ready")
        posts = [*events.joined(happened), *events.transitions(reranker.status, wanted)]
        if wanted != reranker.status:
            version = await self._cluster.write_status(reranker, wanted)
            if version is None:
                return False
            reported.status, reported.version = wanted, int(version)
            self._metrics.writes.labels("status").inc()
        elif not self._has_children(reranker) and not await self._cluster.is_there(reranker):
            # No child's end will change the status, so that a write would find out.
            return False
        for event in posts:
            await self._post(tracked, reranker, event)
        return True

    def _has_children(self, reranker: Reranker) -> bool:
        return any(child.owner_uid == reranker.uid for child in self._children.of(reranker.key))

    async def _post(self, tracked: Tracked, reranker: Reranker, event: Event) -> None:
        now, posted = self._clock.seconds(), tracked.reported.events
        same = (event.reason + event.message, reranker.generation)
        if now - posted.get(same, -SAME_EVENT_PAUSE_S) < SAME_EVENT_PAUSE_S:
            return
        for old in [each for each, at_s in posted.items() if now - at_s >= SAME_EVENT_PAUSE_S]:
            del posted[old]
        posted[same] = now
        await self._cluster.emit(reranker, event)


def named(reranker: Reranker) -> dict[str, Any]:
    """Which one it is, for a line of the log."""
    return {"namespace": reranker.namespace, "reranker": reranker.name, "generation": reranker.generation}
