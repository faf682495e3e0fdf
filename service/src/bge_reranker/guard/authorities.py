"""By whose word the guard believes other servers: Redis by TLS, and the address of an issuer's keys."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from ..authorities import trusting
from ..errors import SettingsError
from ..file_changes import FileChanges

_SETTING: Final = "caFile"
_log = structlog.get_logger("bge_reranker.guard")


class Authorities:
    """What verifies the certificates of other servers, made again when the file of authorities has changed.

    Making it takes as long as dozens of requests: connections share one, and ask for it in a thread.

    Args:
        file: Certificates in PEM; None for the authorities of the system.
        clock: Seconds, monotonic.

    Raises:
        SettingsError: If the file cannot be used.
    """

    def __init__(self, file: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._changes = None if file is None else FileChanges(Path(file), clock=clock)
        self._context = self._make()

    def context(self) -> ssl.SSLContext:
        """That of the moment; the former one while the file makes no sense."""
        if self._changes is not None and self._changes.are_there():
            try:
                self._context = self._make()
            except SettingsError as error:
                _log.error("authorities_not_read", reason=error.sentence())
            else:
                _log.info("authorities_read")
        return self._context

    def _make(self) -> ssl.SSLContext:
        return ssl.create_default_context() if self._file is None else trusting(self._file, _SETTING)
