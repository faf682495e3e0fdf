"""Hashing files: whole, or a sample of their blocks, several at once."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptFile

MAX_THREADS = 4
"""Files hashed at once: one core hashes faster than most disks read, so more threads only seek more."""

_READ_BYTES = 262_144
"""Bytes read at a time: they stay in a core's own cache until they are hashed."""

_SAMPLE_BLOCK_BYTES = 1_048_576
_SAMPLE_BLOCKS = 16
"""A sample is so many blocks, evenly spread, the first and the last among them."""


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
    digest, size_bytes = hashlib.sha256(), 0
    buffer = bytearray(_READ_BYTES)
    view = memoryview(buffer)
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(view[:count])
                size_bytes += count
                if advance is not None:
                    advance(count)
    except OSError as error:
        raise unreadable(path, error) from error
    return FileHash(size_bytes, digest.hexdigest())


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
