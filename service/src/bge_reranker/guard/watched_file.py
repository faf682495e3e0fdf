"""A file that is read again when it has changed, as a mounted Kubernetes Secret does under a running process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

from ..errors import SettingsError
from ..text_files import NotText, read_text
from .observer import GuardObserver, Source

LOOK_S: Final = 1.0
"""Seconds between two looks at a file. Nothing is looked at while nobody asks."""

_Content = TypeVar("_Content")
_Stamp = tuple[int, int, int] | None
_log = structlog.get_logger("bge_reranker.guard")


class WatchedFile(Generic[_Content]):
    """The content of a file as it is now; what it held before, while what it holds now makes no sense.

    Args:
        path: The file.
        setting: The setting that names it, for errors.
        source: What is in it, for logs and metrics.
        parse: Reads its text, and raises SettingsError of one that makes no sense.
        observer: Where each reading is counted.
        clock: Seconds, monotonic.

    Raises:
        SettingsError: If it cannot be read the first time.
    """

    def __init__(
        self,
        path: Path,
        setting: str,
        source: Source,
        parse: Callable[[str, str], _Content],
        observer: GuardObserver,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._label = f"The file {path} ({setting})"
        self._setting = setting
        self._source = source
        self._parse = parse
        self._observer = observer
        self._clock = clock
        self._stamp = self._stamp_now()
        self._content = self._read()
        self._looked_at = clock()

    @property
    def content(self) -> _Content:
        """What it holds, at most a second ago."""
        now = self._clock()
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            self._look()
        return self._content

    def _look(self) -> None:
        # Before it is read: what is written meanwhile gives another stamp, and is read with the next look.
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._content = self._read()
        except SettingsError as error:
            # What it held before still counts: nobody is let in, or kept out, by a slip of the pen.
            _log.error("guard_file_not_read", source=self._source, reason=error.sentence())
            self._observer.credentials_read(self._source, is_ok=False)
        else:
            _log.info("guard_file_read", source=self._source)
            self._observer.credentials_read(self._source, is_ok=True)

    def _stamp_now(self) -> _Stamp:
        # Through the links by which Kubernetes swaps the files of a Secret all at once.
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _read(self) -> _Content:
        try:
            text = read_text(self._path)
        except NotText as error:
            raise SettingsError(
                f"{self._label} {error}.", remedy=f"Mount it there, in UTF-8, or correct {self._setting}."
            ) from None
        return self._parse(text, self._label)
