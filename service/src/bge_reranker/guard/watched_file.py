"""A file that is read again when it has changed, as a mounted Kubernetes Secret does under a running process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from ..errors import SettingsError
from ..file_changes import FileChanges
from ..text_files import NotText, read_text
from .observer import GuardObserver, Source

_Content = TypeVar("_Content")
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
        self._changes = FileChanges(path, clock=clock)
        self._content = self._read()

    @property
    def content(self) -> _Content:
        """What it holds, at most a second ago."""
        if self._changes.are_there():
            self._read_again()
        return self._content

    def _read_again(self) -> None:
        try:
            self._content = self._read()
        except SettingsError as error:
            # What it held before still counts: nobody is let in, or kept out, by a slip of the pen.
            _log.error("guard_file_not_read", source=self._source, reason=error.sentence())
            self._observer.credentials_read(self._source, is_ok=False)
        else:
            _log.info("guard_file_read", source=self._source)
            self._observer.credentials_read(self._source, is_ok=True)

    def _read(self) -> _Content:
        try:
            text = read_text(self._path)
        except NotText as error:
            raise SettingsError(
                f"{self._label} {error}.", remedy=f"Mount it there, in UTF-8, or correct {self._setting}."
            ) from None
        return self._parse(text, self._label)
