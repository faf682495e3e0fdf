"""Asking the API server until it answers: a start while it restarts, or before the rights are there, is no failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .errors import ClusterUnavailable, RefusedByCluster

LOG = logging.getLogger(__name__)

AWAY_PAUSE_S = 2.0
"""Between questions while the API server is away, or refuses what a right is missing for."""

_T = TypeVar("_T")


async def patiently(ask: Callable[[], Awaitable[_T]], on_refusal: Callable[[bool], None] = lambda _: None) -> _T:
    """Ask until there is an answer.

    Args:
        ask: The question.
        on_refusal: Called with whether the last answer was a refusal.
    """
    logged = ""
    while True:
        on_refusal(False)
        try:
            return await ask()
        except (ClusterUnavailable, RefusedByCluster) as error:
            is_refused = isinstance(error, RefusedByCluster)
            on_refusal(is_refused)
            if error.sentence() != logged:
                logged = error.sentence()
                LOG.warning("refused_by_api_server" if is_refused else "api_server_away", extra={"error": logged})
            await asyncio.sleep(error.retry_after_s or AWAY_PAUSE_S)
