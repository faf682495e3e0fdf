"""Holding Python's garbage collection off for a while."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class GcPause:
    """Garbage collection stands still while at least one thread is inside. For work that makes no cycles."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold collection off until the block ends."""
        with self._lock:
            self._inside += 1
            gc.disable()
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    # What was made meanwhile goes where the collector seldom looks, without being walked over.
                    gc.freeze()
                    gc.unfreeze()
                    gc.enable()
