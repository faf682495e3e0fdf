"""Hashing files: whole, or a sample of their blocks, several at once."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

from ..errors import CorruptFile
from .page_cache import bring_in

MAX_THREADS = 4
"""Files hashed at once: one core hashes faster than most disks read, so more threads only seek more."""

_READ_BYTES = 262_144
"""Bytes read at a time: they stay in a core's own cache until they are hashed."""

_MAPPED_BYTES = 8_388_608
"""Least size in bytes of a file that is mapped; smaller ones are read."""

_STEP_BYTES = 67_108_864
"""Bytes of a file that are mapped at a time, a multiple of every page size."""

_MADV_POPULATE_READ = 22
"""Linux' number, which Python 3.11 has no name for."""

_SAMPLE_BLOCK_BYTES = 1_048_576
_SAMPLE_BLOCKS = 16
"""A sample is so many blocks, evenly spread, the first and the last among them."""


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: Any, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Give 64 hex digits."""


@dataclass(frozen=True, slots=True)
class FileHash:
    """What hashing a file gave."""

    size_bytes: int
    sha256: str
    """Lower-case hex."""


def hash_file(path: Path, advance: Callable[[int], None] | None = None) -> FileHash:
    """Hash a whole file; hashlib releases the interpreter's lock.

    Args:
        path: The file.
        advance: Called with the bytes of each step; may raise to end the work.

    Raises:
        CorruptFile: If it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            start = _hash_mapped(file, size_bytes, digest, advance) if size_bytes >= _MAPPED_BYTES else 0
            size_bytes = _hash_read(file, start, digest, advance)
    except OSError as error:
        raise unreadable(path, error) from error
    return FileHash(size_bytes, digest.hexdigest())


def _hash_mapped(file: FileIO, size_bytes: int, digest: Digest, advance: Callable[[int], None] | None) -> int:
    """Hash a file where it lies in the page cache, which spares copying it; gives where that ended.

    Every part is brought into memory before it is touched, by calls that can fail: touching what is gone would end the
    process. Where they fail, or there are no addresses for it, the rest is read.
    """
    for start in range(0, size_bytes, _STEP_BYTES):
        length = min(_STEP_BYTES, size_bytes - start)
        try:
            bring_in(file.fileno(), start, start + length)
            with mmap.mmap(file.fileno(), length, prot=mmap.PROT_READ, offset=start) as mapping:
                mapping.madvise(_MADV_POPULATE_READ)
                digest.update(mapping)
        except (OSError, ValueError):
            # ValueError: the file was cut meanwhile.
            return start
        if advance is not None:
            advance(length)
    return size_bytes


def _hash_read(file: FileIO, start: int, digest: Digest, advance: Callable[[int], None] | None) -> int:
    """Hash a file from a byte on; gives where it ended."""
    buffer = bytearray(_READ_BYTES)
    view = memoryview(buffer)
    file.seek(start)
    while count := file.readinto(buffer):
        digest.update(view[:count])
        start += count
        if advance is not None:
            advance(count)
    return start


def hash_files(paths: Iterable[Path], advance: Callable[[int], None] | None = None) -> list[FileHash]:
    """Hash several files at once, in order.

    Raises:
        CorruptFile: If one cannot be read.
    """
    with ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="hash-model") as pool:
        return list(pool.map(lambda path: hash_file(path, advance), paths))


def hash_sample(path: Path) -> str | None:
    """Hash blocks spread over a file.

    Returns:
        The digest, or None where the file is so small that hashing all of it is no more work.

    Raises:
        CorruptFile: If it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            last = os.fstat(file.fileno()).st_size - _SAMPLE_BLOCK_BYTES
            if last < _SAMPLE_BLOCK_BYTES * (_SAMPLE_BLOCKS - 1):
                return None
            for block in range(_SAMPLE_BLOCKS):
                digest.update(os.pread(file.fileno(), _SAMPLE_BLOCK_BYTES, last * block // (_SAMPLE_BLOCKS - 1)))
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


def unreadable(path: Path, error: OSError) -> CorruptFile:
    """Say why a file cannot be read."""
    # Only where the file is missing: asking anything of one that may not be looked at fails as well.
    is_loose_link = error.errno == errno.ENOENT and path.is_symlink()
    what = "leads to a file that does not exist" if is_loose_link else str(error.strerror)
    return CorruptFile(
        f"{path} cannot be read: {what}.",
        remedy="Fetch the model again, or mend its permissions.",
        figures={"file": path.name},
    )
