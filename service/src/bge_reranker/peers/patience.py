"""Calls that are waited for no longer than a limit, whatever they do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")


def results_within(limit_s: float, calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run calls beside each other, and give what is there when all have ended or the time is over.

    A server that sends its headers byte by byte, or a resolver without an answer, would hold up whoever waits for it.

    Args:
        limit_s: Seconds to wait.
        calls: None of them raises; each has a thread, which may outlive the wait and does not keep the process alive.
    """
    done: SimpleQueue[T] = SimpleQueue()

    def run(call: Callable[[], T]) -> None:
        done.put(call())

    for call in calls:
        threading.Thread(target=run, args=(call,), name="peer", daemon=True).start()
    deadline = time.monotonic() + limit_s
    found: list[T] = []
    while len(found) < len(calls):
        try:
            found.append(done.get(timeout=max(0.0, deadline - time.monotonic())))
        except Empty:
            break
    return found
