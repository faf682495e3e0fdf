"""One fetcher a version: a lock file with a heartbeat, which a dead fetcher cannot hold for long.

Its age is the file's modification time beside that of a file written just now, so that clocks of different machines do
not matter. A holder on the same machine also holds the kernel's lock, which ends with its process: nobody waits for a
process that was killed here.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from ..errors import HubUnreachable, RerankerError
from .paths import unwritable

STALE_S = 60.0
"""Seconds without a heartbeat after which a holder counts as dead."""

_HEARTBEAT_S = 10.0
"""Seconds between two heartbeats: several may be late before anybody calls the holder dead."""

_POLL_S = 0.5
"""Seconds between two looks of who waits."""

_OnUnwritable = Callable[[Path, OSError], RerankerError]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class FetchLock:
    """A lock that is held.

    Args:
        path: Its file.
        token: What only this holder wrote into it.
    """

    def __init__(self, path: Path, token: str) -> None:
        self._path = path
        self._token = token

    def beat(self) -> None:
        """Show that the holder lives.

        Raises:
            HubUnreachable: If somebody took the lock over, having seen no heartbeat for too long.
        """
        if _token(self._path) != self._token:
            raise HubUnreachable(
                f"{self._path} was taken over by another fetcher, because this one was not heard of for {STALE_S:g} s.",
                remedy="The other one goes on; run the same command again to wait for it.",
            )
        os.utime(self._path)


@contextmanager
def hold(
    path: Path, is_done: Callable[[], bool], wait: Callable[[float], object], on_unwritable: _OnUnwritable = unwritable
) -> Iterator[FetchLock | None]:
    """Hold the lock while the block runs, waiting for whoever holds it.

    Args:
        path: The lock's file.
        is_done: Whether the work is done already; then nobody need hold anything.
        wait: Waits for so many seconds.
        on_unwritable: Makes the error that says that the lock's file cannot be written.

    Yields:
        The lock, or None where the work was done by somebody else.

    Raises:
        RerankerError: What `on_unwritable` made of it.
    """
    token = json.dumps({"machine": _machine(), "process": os.getpid(), "token": secrets.token_hex(8)})
    while not is_done():
        descriptor = _take(path, token, on_unwritable)
        if descriptor is None:
            if not _put_away(path, on_unwritable):
                wait(_POLL_S)
            continue
        try:
            lock = FetchLock(path, token)
            with _heartbeat(lock):
                yield lock
        finally:
            if _token(path) == token:
                path.unlink(missing_ok=True)
            os.close(descriptor)
        return
    yield None


def is_stale(path: Path) -> bool:
    """Whether a lock's holder is dead; a lock that is gone is stale."""
    try:
        with _opened(path) as file:
            is_free = _is_free(file.fileno(), file.read())
        return age_s(path) > STALE_S if is_free is None else is_free
    except FileNotFoundError:
        return True


def age_s(path: Path) -> float:
    """Seconds since a file was touched, by the clock of its own file system where it may be written.

    Raises:
        FileNotFoundError: If it is gone.
    """
    probe = path.with_name(f".now-{secrets.token_hex(4)}")
    try:
        probe.touch()
    except OSError:
        now = time.time()
    else:
        now = probe.stat().st_mtime
        probe.unlink(missing_ok=True)
    return now - path.stat().st_mtime


def _take(path: Path, token: str, on_unwritable: _OnUnwritable) -> int | None:
    """Make the lock's file and lock it in the kernel, or None where it is there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise on_unwritable(path, error) from error
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
    except FileExistsError:
        return None
    except OSError as error:
        raise on_unwritable(path, error) from error
    # Some network file systems have no kernel locks; there the heartbeat alone decides.
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        os.write(descriptor, token.encode())
    except OSError as error:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise on_unwritable(path, error) from error
    return descriptor


def _put_away(path: Path, on_unwritable: _OnUnwritable) -> bool:
    try:
        return put_away_if_stale(path)
    except OSError as error:
        raise on_unwritable(path, error) from error


def put_away_if_stale(path: Path) -> bool:
    """Remove a dead holder's lock; False where the holder may live."""
    try:
        with _opened(path) as file:
            seen = file.read()
            is_free = _is_free(file.fileno(), seen)
            # Of two that find it dead one has the kernel's lock until it is removed. The other, which comes later, has
            # that of a file without a name, and leaves alone what has the name by now.
            if is_free and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                path.unlink()
        if is_free is not None:
            return is_free
        if age_s(path) <= STALE_S:
            return False
        _put_aside(path, seen)
    except FileNotFoundError:
        pass
    return True


def _opened(path: Path) -> TextIO:
    return path.open("r+", encoding="utf-8", errors="replace")


def _put_aside(path: Path, seen: str) -> None:
    """Remove a lock without the kernel's help; where a live one came between, it gets its lock back."""
    # Not the lock's name with more behind it, which may be too long.
    aside = path.with_name(f".dead-{secrets.token_hex(4)}")
    path.rename(aside)
    if _token(aside) != seen:
        with suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink()


@contextmanager
def _heartbeat(lock: FetchLock) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_HEARTBEAT_S):
            # Who works with the lock beats as well, and hears of it there when the lock is lost.
            with suppress(OSError, HubUnreachable):
                lock.beat()

    thread = threading.Thread(target=beat, name="fetch-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _is_free(descriptor: int, written: str) -> bool | None:
    """Whether nobody holds the kernel's lock; it is this process's then.

    None where the file system has no such locks, or where another machine wrote the file: then the heartbeat decides.
    """
    if _machine_of(written) != _machine():
        return None
    is_free = _locks(descriptor)
    return None if is_free and _is_given_to_everybody(descriptor) else is_free


def _is_given_to_everybody(descriptor: int) -> bool:
    """Whether a locked file can be locked once more: some file systems lock nothing and say that they did."""
    try:
        again = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR)
    except OSError:
        return False
    try:
        return _locks(again) is True
    finally:
        os.close(again)


def _locks(descriptor: int) -> bool | None:
    """Lock a file in the kernel: whether it was free; None where there are no such locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _token(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _machine_of(text: str) -> str | None:
    try:
        machine = json.loads(text)["machine"]
    except (ValueError, TypeError, KeyError, RecursionError):
        # Its holder was killed before it could write, or is about to; the heartbeat decides.
        return None
    return machine if isinstance(machine, str) else None


def _machine() -> str:
    try:
        return _BOOT_ID.read_text(encoding="utf-8").strip()
    except OSError:
        return "unknown"
