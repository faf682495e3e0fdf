"""Whether files have changed since the last look, as those of a mounted Secret do under a running process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOOK_S: Final = 1.0
"""Seconds between two looks at the files. Nothing is looked at while nobody asks."""

_Stamp = tuple[tuple[int, int, int], ...] | None


class FileChanges:
    """Watches files without reading them. Made before they are read the first time, so that no change is missed.

    Args:
        files: What is watched.
        clock: Seconds, monotonic.
    """

    def __init__(self, *files: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = files
        self._clock = clock
        self._stamp = self._stamp_now()
        self._looked_at = clock()

    def are_there(self) -> bool:
        """Whether to read them again; what is written meanwhile gives another stamp, and is told at the next look."""
        now = self._clock()
        if now - self._looked_at < LOOK_S:
            return False
        self._looked_at = now
        before, self._stamp = self._stamp, self._stamp_now()
        return self._stamp != before

    def _stamp_now(self) -> _Stamp:
        # Through the links by which Kubernetes swaps the files of a Secret all at once.
        try:
            statuses = [file.stat() for file in self._files]
        except OSError:
            return None
        return tuple((status.st_ino, status.st_mtime_ns, status.st_size) for status in statuses)
