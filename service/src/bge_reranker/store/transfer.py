"""Bringing a source's files into a folder: several connections, bounded memory, and nothing done twice."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from ..errors import DigestMismatch, DiskFull, HubUnreachable
from ..errors.printable import counted
from .hashing import hash_file
from .parts import PartialFile
from .paths import unwritable
from .progress import Meter
from .remote import RemoteFile
from .tries import MAX_TRIES, wait_s

CONNECTIONS = 8
"""Segments fetched at once; each holds one chunk of at most some hundred kB in memory."""

SEGMENT_BYTES = 33_554_432
"""Bytes of a segment: what a killed fetcher does again at most, times its connections."""


@dataclass(frozen=True, slots=True)
class _Job:
    file: RemoteFile
    part: PartialFile
    number: int


class Transfer:
    """Fetches files into one folder.

    Args:
        folder: Where they go; it must exist, and nobody else may write there.
        meter: Counts the bytes.
        pause: Waits so many seconds between two tries.
        heartbeat: Called every second or so; may raise to end everything.
        segment_bytes: Size of a segment.
    """

    def __init__(
        self,
        folder: Path,
        meter: Meter,
        pause: Callable[[float], object],
        heartbeat: Callable[[], None],
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._folder = folder
        self._meter = meter
        self._pause = pause
        self._heartbeat = heartbeat
        self._segment_bytes = segment_bytes
        self._is_stopped = threading.Event()

    def fetch(self, files: Sequence[RemoteFile]) -> None:
        """Fetch what is not there yet.

        Raises:
            HubUnreachable: If the source stays silent.
            DiskFull: If the volume has too little room, now or later.
            DigestMismatch: If bytes are not those that the source announced.
            ModelError: What a source says when it refuses.
        """
        try:
            resumed = self._fetch(files)
            for file in resumed:
                # A part that an earlier fetcher left may be damaged; without it the source has one more chance.
                (self._folder / file.path).unlink()
            self._fetch(resumed, is_last_chance=True)
        except OSError as error:
            raise unwritable(self._folder, error) from error

    def _fetch(self, files: Sequence[RemoteFile], *, is_last_chance: bool = False) -> list[RemoteFile]:
        """Fetch files; those that were resumed and came out wrong are given back."""
        parts = [
            PartialFile(
                self._folder / file.path,
                file.size_bytes,
                file.version,
                self._segment_bytes if file.has_ranges else None,
            )
            for file in files
        ]
        self._refuse_without_room(files, parts)
        self._meter.begin("fetching", _total(files), sum(part.done_bytes for part in parts))
        was_resumed = [part.was_resumed for part in parts]
        self._fetch_segments(
            [_Job(file, part, n) for file, part in zip(files, parts, strict=True) for n in part.missing()]
        )
        self._meter.begin("hashing", _total(files))
        wrong = []
        for file, part, resumed in zip(files, parts, was_resumed, strict=True):
            part.finish()
            try:
                self._compare(file)
            except DigestMismatch:
                if is_last_chance or not resumed:
                    (self._folder / file.path).unlink()
                    raise
                wrong.append(file)
        return wrong

    def _fetch_segments(self, jobs: Sequence[_Job]) -> None:
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="fetch")
        self._is_stopped.clear()
        try:
            pending: set[Future[None]] = {pool.submit(self._fetch_segment, job) for job in jobs}
            while pending:
                done, pending = wait(pending, timeout=1.0, return_when=FIRST_EXCEPTION)
                self._heartbeat()
                for finished in done:
                    finished.result()
        finally:
            self._is_stopped.set()
            pool.shutdown(cancel_futures=True)

    def _fetch_segment(self, job: _Job) -> None:
        position, end = job.part.bounds(job.number)
        tries = 0
        descriptor = job.part.open()
        try:
            while True:
                reached, error = self._copy(job.file, descriptor, position, end)
                if error is None:
                    break
                tries = 1 if reached > position else tries + 1
                position = reached
                if tries >= MAX_TRIES or self._is_stopped.is_set():
                    raise error
                self._pause(wait_s(error, tries))
            # On the disk before the journal says so, or a power cut would leave a hole that nobody knows of.
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        job.part.finish_segment(job.number)

    def _copy(
        self, file: RemoteFile, descriptor: int, position: int, end: int | None
    ) -> tuple[int, HubUnreachable | None]:
        """Copy from a position on; gives where it got to, and what broke it off."""
        try:
            with file.open(position, end) as chunks:
                for chunk in chunks:
                    if position == end:
                        # More than was asked for, perhaps without an end.
                        break
                    taken = chunk if end is None else chunk[: end - position]
                    _write_all(descriptor, taken, position)
                    position += len(taken)
                    self._meter.advance(len(taken))
                    if self._is_stopped.is_set():
                        return position, HubUnreachable("Fetching was stopped.")
        except HubUnreachable as error:
            return position, error
        if end is not None and position < end:
            return position, HubUnreachable(
                f"The source ended {file.path} {counted(end - position, 'byte')} too early."
            )
        return position, None

    def _compare(self, file: RemoteFile) -> None:
        """Refuse bytes that are not what the source announced."""
        path = self._folder / file.path
        if file.sha256 is not None:
            found, expected, kind = hash_file(path, self._meter.advance).sha256, file.sha256, "sha256"
        elif file.git_oid is not None:
            found, expected, kind = _git_oid(path), file.git_oid, "git object"
        else:
            return
        if found != expected:
            raise DigestMismatch(
                f"{file.path} is not what its source announced: expected {kind} {expected}, found {found}.",
                remedy="Fetch it again; if it happens twice, a proxy alters it or the source is damaged.",
                figures={"file": file.path, "expected": expected, "found": found},
            )

    def _refuse_without_room(self, files: Sequence[RemoteFile], parts: Sequence[PartialFile]) -> None:
        wanted = sum(
            file.size_bytes - part.done_bytes
            for file, part in zip(files, parts, strict=True)
            if file.size_bytes is not None
        )
        refuse_without_room(self._folder, wanted)


def refuse_without_room(folder: Path, wanted_bytes: int) -> None:
    """Refuse before the first byte what the volume cannot hold.

    Raises:
        DiskFull: If it has less room.
    """
    free_bytes = shutil.disk_usage(folder).free
    if wanted_bytes > free_bytes:
        raise DiskFull(
            f"The volume of {folder} has {free_bytes / 1e6:.1f} MB free, and {wanted_bytes / 1e6:.1f} MB are needed.",
            figures={"free_bytes": free_bytes, "needed_bytes": wanted_bytes},
        )


def _total(files: Sequence[RemoteFile]) -> int | None:
    sizes = [file.size_bytes for file in files]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _write_all(descriptor: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, position)
        view, position = view[written:], position + written


def _git_oid(path: Path) -> str:
    """What git calls a file's bytes; git's choice of sha1 is not ours."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1_048_576):
            digest.update(chunk)
    return digest.hexdigest()
