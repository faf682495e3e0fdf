"""Running a long call that must not keep the process alive when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(call: Callable[[], T]) -> T:
    """Run a call in a thread of its own and wait for it.

    asyncio's own pool is joined at exit: a model that takes minutes to load would hold up a SIGTERM for as long.

    Args:
        call: What to run; what it raises is raised here.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - handed to the waiting task, whatever it is
            _settle_on_loop(loop, answer, partial(answer.set_exception, error))
        else:
            _settle_on_loop(loop, answer, partial(answer.set_result, value))

    threading.Thread(target=run, name=getattr(call, "__name__", "call"), daemon=True).start()
    return await answer


def _settle_on_loop(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T], settle: Callable[[], None]) -> None:
    def settle_unless_cancelled() -> None:
        if not answer.done():
            settle()

    try:
        loop.call_soon_threadsafe(settle_unless_cancelled)
    except RuntimeError:
        # The loop has closed: the process is ending and nobody waits.
        return
