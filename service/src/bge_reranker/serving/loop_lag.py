"""How late the event loop runs: the first sign that something blocks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_INTERVAL_S = 0.05
"""Seconds between two looks: often enough to catch a callback of 20 ms, rare enough to cost nothing."""


async def watch_loop_lag(observe: Callable[[float], None]) -> None:
    """Report for ever by how many seconds each timer was late.

    Args:
        observe: Takes seconds.
    """
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _INTERVAL_S
        await asyncio.sleep(_INTERVAL_S)
        observe(max(0.0, loop.time() - due))
