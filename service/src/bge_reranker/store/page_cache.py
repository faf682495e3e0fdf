"""Bringing files into the kernel's page cache, so that whoever maps them afterwards finds them there."""

from __future__ import annotations

import os
from pathlib import Path


def bring_in(descriptor: int, start: int, end: int) -> None:
    """Wait until a part of a file is in the page cache, or the file ends; nothing is copied.

    The interpreter's lock is free meanwhile. It is not where a mapping is populated or touched: with a slow disk
    underneath no other thread would run, a server's health included.

    Args:
        descriptor: The file, open for reading.
        start: First byte.
        end: The byte after the last.

    Raises:
        OSError: If the file cannot be read, or the system cannot do this.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        while start < end and (count := os.sendfile(null, descriptor, start, end - start)):
            start += count
    finally:
        os.close(null)


def bring_in_file(path: Path) -> None:
    """Wait until a whole file is in the page cache.

    Raises:
        OSError: As `bring_in`.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        bring_in(descriptor, 0, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)
