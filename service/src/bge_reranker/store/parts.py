"""A file that arrives in segments, in any order, and survives its writer: `<name>.part` and a journal beside it.

The journal stays beside the whole file until the version is complete, so that a file of another version of the source
is never taken for this one's.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

_PART, _JOURNAL = ".part", ".journal"


class PartialFile:
    """One file on its way into a folder.

    Args:
        path: What it will be called when it is whole.
        size_bytes: Its size, or None where the source does not say; then it is one segment.
        version: Segments of another version, or of another size, are thrown away.
        segment_bytes: Size of a segment; None where the source gives nothing but the whole.

    Raises:
        OSError: If it cannot be written.
    """

    def __init__(self, path: Path, size_bytes: int | None, version: str, segment_bytes: int | None) -> None:
        self.path = path
        self._part = path.with_name(path.name + _PART)
        self._journal = path.with_name(path.name + _JOURNAL)
        self._size_bytes = size_bytes
        self._segment_bytes = segment_bytes or max(size_bytes or 0, 1)
        self._identity = f"{size_bytes} {self._segment_bytes} {version!r}"
        self._lock = threading.Lock()
        self._done = self._read_journal()
        self.was_resumed = bool(self._done)
        if not self._done:
            self._restart()

    @property
    def done_bytes(self) -> int:
        """Bytes of the segments that are there."""
        return sum(end - start for start, end in map(self.bounds, self._done) if end is not None)

    def missing(self) -> list[int]:
        """Numbers of the segments that are not there."""
        count = 1 if self._size_bytes is None else -(-self._size_bytes // self._segment_bytes)
        return [number for number in range(count) if number not in self._done]

    def bounds(self, number: int) -> tuple[int, int | None]:
        """First byte of a segment, and the one after its last; None: to the end, wherever that is."""
        if self._size_bytes is None:
            return 0, None
        start = number * self._segment_bytes
        return start, min(start + self._segment_bytes, self._size_bytes)

    def open(self) -> int:
        """Open the file for writing at any place; the caller closes the descriptor."""
        return os.open(self._part, os.O_WRONLY)

    def finish_segment(self, number: int) -> None:
        """Note that a segment is there."""
        with self._lock, self._journal.open("a", encoding="utf-8") as file:
            file.write(f"{number}\n")
            self._done.add(number)

    def finish(self) -> None:
        """Give the whole file its name."""
        if not self.path.is_file():
            self._part.replace(self.path)

    def _restart(self) -> None:
        """Throw everything away and begin anew."""
        self.path.unlink(missing_ok=True)
        # The journal first: no kill may leave an empty part beside one that says otherwise.
        self._journal.write_text(f"{self._identity}\n", encoding="utf-8")
        self._part.write_bytes(b"")

    def _read_journal(self) -> set[int]:
        try:
            identity, *lines = self._journal.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            return set()
        if identity != self._identity or not (self._part.is_file() or self.path.is_file()):
            return set()
        # What follows the last line's end was cut off by a kill.
        return {int(line) for line in lines[:-1] if line.isdecimal()}
