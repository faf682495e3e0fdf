"""What is in an archive: tar, compressed or not, and zip. Nothing of it is trusted: names, links, sizes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import IO, Protocol

from typing_extensions import override

from ..errors import CorruptFile, SettingsError

zstd: ModuleType | None
try:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
except ModuleNotFoundError:
    zstd = None

_MAX_EXPANSION = 20
_MIN_LIMIT_BYTES = 67_108_864
"""An archive that grows beyond so many times its size, and beyond so many bytes, is a bomb: weights hardly shrink."""

_MAX_MEMBERS = 10_000
_MAX_DEPTH = 4

_TAR_MAGIC = slice(257, 262)
"""Where a tar says what it is; those before POSIX say nothing."""

_ZSTD = b"\x28\xb5\x2f\xfd"
_COMPRESSED = (b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh", _ZSTD)
"""First bytes of a tar that is compressed."""

_FROM_WINDOWS = 0
"""What a zip says of the system that made it, where that was DOS or Windows."""

_MAX_HEADER_BYTES = 1_048_576
"""Most bytes of a header in front of a tar's member, long names and extended attributes, which is read whole."""

_CHUNK_BYTES = 1_048_576

_HEADER_TYPES = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)

BROKEN: tuple[type[Exception], ...] = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    gzip.BadGzipFile,
    NotImplementedError,
    OverflowError,
    ValueError,
    struct.error,
    RecursionError,
    LookupError,
    MemoryError,
    *(() if zstd is None else (zstd.ZstdError,)),
)
"""What the readers of archives raise where one is damaged or made up."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an archive, whose content can be read until the next one is asked for."""

    path: PurePosixPath
    size_bytes: int
    is_plain: bool
    """Whether it is an ordinary file: no link, device or file with holes."""
    content: IO[bytes] | None


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def members(archive: Path, source: str) -> Iterator[Member]:
    """Yield the members of an archive that are no folders and lie near its top, in its order.

    Args:
        archive: The file.
        source: Its name, for messages.

    Raises:
        CorruptFile: If it is a bomb, cannot be read, or a member climbs out of it.
        Exception: One of `BROKEN`, where it is damaged.
    """
    reader = _zip_members if _is_zip(archive) else _tar_members
    try:
        for member in reader(archive, source):
            if member.path.is_absolute() or ".." in member.path.parts:
                raise CorruptFile(
                    f"{source}: the member {member.path} climbs out of the archive.",
                    remedy="Do not trust this archive.",
                )
            if len(member.path.parts) <= _MAX_DEPTH:
                yield member
    except OSError as error:
        # A place before the file's beginning, for example; what writing raises does not come from here.
        raise CorruptFile(
            f"{source} cannot be unpacked: {error.strerror or error}.", remedy="Pack and upload it again."
        ) from error


def _is_zip(archive: Path) -> bool:
    """Whether it is a zip. A zip's mark is at its end, where a tar may have a member that is one, as torch saves."""
    with archive.open("rb") as file:
        block = file.read(tarfile.BLOCKSIZE)
    return block[_TAR_MAGIC] != b"ustar" and not block.startswith(_COMPRESSED) and zipfile.is_zipfile(archive)


def _refuse_too_many(members: int, source: str) -> None:
    if members > _MAX_MEMBERS:
        raise CorruptFile(f"{source} has more than {_MAX_MEMBERS} members.", remedy="Pack the model alone.")


def _tar_members(archive: Path, source: str) -> Iterator[Member]:
    most_bytes = limit_bytes(archive)
    with (
        _decompressed(archive) as stream,
        _Limited(stream, most_bytes, source) as limited,
        tarfile.open(fileobj=limited, mode="r|", errorlevel=2, tarinfo=_TarInfo) as tar,
    ):
        for number, info in enumerate(tar, 1):
            _refuse_too_many(number, source)
            # Before what follows is looked for: where it should begin is what a header says, be it 2^60 bytes away.
            if tar.offset > most_bytes:
                raise bomb(source, most_bytes)
            if not info.isdir():
                is_plain = info.isreg() and not info.issparse()
                yield Member(PurePosixPath(info.name), info.size, is_plain, tar.extractfile(info) if is_plain else None)
        # A compressed file's checksum stands behind the end of the tar, and is compared when it is reached.
        while limited.read():
            pass


class _TarInfo(tarfile.TarInfo):
    """A member whose headers are bounded: tarfile reads them whole, and one after the other by recursion."""

    # tarfile calls it for each kind of member and says that subclasses may override it; typeshed leaves it out.
    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADER_TYPES and not 0 <= self.size <= _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc] # see above
        return member


def _zip_members(archive: Path, source: str) -> Iterator[Member]:
    most_bytes = limit_bytes(archive)
    with zipfile.ZipFile(archive) as packed:
        seen: set[str] = set()
        _refuse_too_many(len(packed.infolist()), source)
        for info in packed.infolist():
            # Programs of Windows write backslashes, though the format forbids it.
            name = info.filename.replace("\\", "/") if info.create_system == _FROM_WINDOWS else info.filename
            if name.endswith("/"):
                continue
            if name in seen:
                # Each would be unpacked over the one before: a bomb in time, which no sum of sizes notices.
                raise CorruptFile(f"{source} has the member {name} twice.", remedy="Pack it again.")
            seen.add(name)
            if info.flag_bits & 1:
                raise CorruptFile(f"{source} is encrypted.", remedy="Pack it without a password.")
            kind = info.external_attr >> 28
            with packed.open(info) as content, _Limited(content, most_bytes, source) as limited:
                yield Member(PurePosixPath(name), info.file_size, kind in {0, 8}, io.BufferedReader(limited))


@contextmanager
def _decompressed(archive: Path) -> Iterator[_Readable]:
    with archive.open("rb") as file:
        magic = file.read(6)
        file.seek(0)
        if magic.startswith(b"\x1f\x8b"):
            yield gzip.GzipFile(fileobj=file)
        elif magic.startswith(b"\xfd7zXZ\x00"):
            yield lzma.LZMAFile(file)  # noqa: SIM115 - closes nothing of its own
        elif magic.startswith(b"BZh"):
            yield bz2.BZ2File(file)
        elif magic.startswith(_ZSTD):
            yield _zstd_file(file, archive)
        else:
            yield file


def _zstd_file(file: IO[bytes], archive: Path) -> _Readable:
    if zstd is None:
        raise SettingsError(
            f"{archive} is packed with zstd, which needs the package backports-zstd.",
            remedy="Install bge-reranker[oci], or pack it with gzip.",
        )
    reader: _Readable = zstd.ZstdFile(file)
    return reader


def limit_bytes(archive: Path) -> int:
    """Most bytes that an archive may grow to."""
    return max(_MIN_LIMIT_BYTES, _MAX_EXPANSION * archive.stat().st_size)


def bomb(source: str, limit_bytes: int) -> CorruptFile:
    """Make the error of an archive that grows beyond its limit."""
    return CorruptFile(
        f"{source} grows beyond {limit_bytes / 1e6:.0f} MB, {_MAX_EXPANSION} times its size.",
        remedy="Do not trust this archive; pack weights uncompressed.",
        figures={"limit_bytes": limit_bytes},
    )


class _Limited(io.RawIOBase):
    """A stream that ends in an error when it gives more than a model's archive could."""

    def __init__(self, stream: _Readable, limit_bytes: int, source: str) -> None:
        self._stream = stream
        self._limit_bytes = limit_bytes
        self._left = limit_bytes
        self._source = source

    @override
    def readable(self) -> bool:
        return True

    @override
    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(min(size, _CHUNK_BYTES) if size >= 0 else _CHUNK_BYTES)
        self._left -= len(data)
        if self._left < 0:
            raise bomb(self._source, self._limit_bytes)
        return data

    @override
    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # io gives a buffer
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
