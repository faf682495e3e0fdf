"""Leases: while a server serves a version, a file says so, and nobody prunes that version."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .lock import age_s
from .paths import LEASES, Version

_RENEWAL_S = 20.0
LEASE_STALE_S = 120.0
"""Seconds without renewal after which a server counts as gone; several renewals may be late."""


class Lease:
    """A server's hold on a version, renewed in the background until it is released.

    Args:
        file: The lease's file.
        key: The version's.
        renewal_s: Seconds between two renewals.
    """

    def __init__(self, file: Path, key: str, renewal_s: float = _RENEWAL_S) -> None:
        self._file = file
        self._key = key
        self._renewal_s = renewal_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def release(self) -> None:
        """Let go of the version."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def begin(self) -> None:
        """Write the file and keep it young.

        Raises:
            OSError: If it cannot be written, as on a read-only mount.
        """
        self._write()
        self._thread.start()

    def _renew(self) -> None:
        while not self._ended.wait(self._renewal_s):
            # A volume that is gone for a while comes back; the next renewal writes the file anew.
            with suppress(OSError):
                self._write()

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_name(f".{self._file.name}.new")
        temporary.write_text(self._key, encoding="utf-8")
        # By rename: who prunes at this moment must not read an empty lease and take the version for free.
        temporary.replace(self._file)


def take_lease(version: Version) -> Lease:
    """Hold a version.

    Raises:
        OSError: If the store cannot be written.
    """
    store = version.path.parent.parent
    lease = Lease(store / LEASES / f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}", version.key)
    lease.begin()
    return lease


def leased_keys(directory: Path) -> Iterator[str]:
    """Yield the keys of the versions that living servers hold, and remove the leases of dead ones.

    Args:
        directory: The store's.
    """
    for file in sorted((directory / LEASES).glob("*")):
        if file.name.startswith(".") or file.is_dir():
            continue
        try:
            if age_s(file) > LEASE_STALE_S:
                # On a read-only mount it stays, and holds nothing.
                with suppress(OSError):
                    file.unlink()
                continue
            yield file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
