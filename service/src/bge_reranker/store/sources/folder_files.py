"""Listing what lies on this machine: a model's folder, out of which no link leads, or the archive that it is in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import RawIOBase
from pathlib import Path

from ...errors import CorruptFile, UnknownModel
from ..archive import ARCHIVE_FILE, is_archive
from ..hashing import unreadable
from ..manifest import MANIFEST_FILE, Provenance, read_manifest
from ..remote import Chunks, Listing, RemoteFile, read_small
from ..selection import select
from ..source import Source

_CHUNK_BYTES = 1_048_576
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_OID = re.compile(r"[0-9a-f]{40}")


def list_path(path: Path, source: Source, *, allow_pickle: bool) -> Listing:
    """List an archive or a model's folder, whichever a path leads to.

    Raises:
        UnknownModel: If there is neither.
        CorruptFile: As `list_folder`.
    """
    if path.is_file():
        return list_archive(path, source)
    return list_folder(path, source, allow_pickle=allow_pickle)


def list_folder(folder: Path, source: Source, *, allow_pickle: bool, root: Path | None = None) -> Listing:
    """List the files of a model's folder.

    Args:
        folder: Where they are.
        source: What the user called it.
        allow_pickle: Whether pickles will do where there is nothing else.
        root: Where links may lead; by default nowhere out of the folder.

    Raises:
        UnknownModel: If there is no such folder, or no checkpoint in it.
        CorruptFile: If a link leads out of the folder, or a file cannot be read.
    """
    try:
        names = [path.name for path in folder.iterdir() if not path.is_dir()]
    except FileNotFoundError:
        raise UnknownModel(
            f"There is no folder {folder}.", remedy="Give the folder with config.json and weights."
        ) from None
    except OSError as error:
        raise CorruptFile(f"The folder {folder} cannot be read ({error.strerror}).") from error
    expected = _expected(folder)

    def file_called(name: str) -> RemoteFile:
        return _file(folder / name, root or folder, expected.get(name))

    chosen = select(names, source.shown, lambda name: read_small(file_called(name)), allow_pickle=allow_pickle)
    return Listing(tuple(map(file_called, chosen)), Provenance(source.shown, source.revision))


def list_archive(path: Path, source: Source) -> Listing:
    """List the one archive that a model is packed in.

    Raises:
        UnknownModel: If the file is no archive.
        CorruptFile: If it cannot be read.
    """
    if not is_archive(path.name):
        raise UnknownModel(f"{path} is a file.", remedy=f"Give an archive, or the checkpoint's folder: {path.parent}.")
    file = replace(_file(path, path.parent, None), path=ARCHIVE_FILE)
    return Listing((file,), Provenance(source.shown, source.revision), is_archive=True)


def _expected(folder: Path) -> Mapping[str, str]:
    """Hashes by name from a manifest beside the files, where there is one."""
    if not (folder / MANIFEST_FILE).is_file():
        return {}
    return {entry.path: entry.sha256 for entry in read_manifest(folder).files}


def _file(path: Path, root: Path, expected: str | None) -> RemoteFile:
    try:
        # Not pathlib's way, of which a link in a circle makes something else than an OSError before Python 3.13.
        real, real_root = (Path(os.path.realpath(name, strict=True)) for name in (path, root))
        if not real.is_relative_to(real_root):
            raise CorruptFile(
                f"{path} is a link that leads out of {root}.",
                remedy="Put the file itself there.",
                figures={"file": path.name},
            )
        if not real.is_file():
            raise CorruptFile(f"{path} is no ordinary file.", remedy="Put a file there.", figures={"file": path.name})
        size_bytes = real.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error

    def open_range(start: int, end: int | None) -> Chunks:
        return _open(real, start, end)

    # A Hugging Face cache calls a blob by what it hashes to.
    sha256 = real.name if _SHA256.fullmatch(real.name) else expected
    git_oid = real.name if _GIT_OID.fullmatch(real.name) else None
    version = str(real.stat().st_mtime_ns)
    return RemoteFile(path.name, size_bytes, open_range, version=version, sha256=sha256, git_oid=git_oid)


@contextmanager
def _open(path: Path, start: int, end: int | None) -> Iterator[Iterator[bytes]]:
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(path, error) from error
    with file:
        file.seek(start)
        yield _chunks(path, file, None if end is None else end - start)


def _chunks(path: Path, file: RawIOBase, left: int | None) -> Iterator[bytes]:
    while left is None or left > 0:
        try:
            chunk = file.read(_CHUNK_BYTES if left is None else min(_CHUNK_BYTES, left))
        except OSError as error:
            raise unreadable(path, error) from error
        if not chunk:
            return
        left = None if left is None else left - len(chunk)
        yield chunk
