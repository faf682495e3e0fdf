"""Models in archives: tar, compressed or not, and zip. Nothing of an archive is trusted: names, links, sizes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from typing_extensions import override

from ..checkpoint_files import CONFIG_FILE, MAX_INDEX_BYTES
from ..checkpoint_json import foreign_content
from ..errors import CorruptFile
from .manifest import MANIFEST_FILE
from .selection import select
from .transfer import refuse_without_room

ARCHIVE_FILE = ".archive"
"""What an archive is called while it lies in the folder that it is unpacked into."""

PACKED_MANIFEST = ".manifest.packed"
"""What an archive's own manifest is called there: the real name would say that everything else is there too."""

_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip")

_MAX_EXPANSION = 20
_MIN_LIMIT_BYTES = 67_108_864
"""An archive that grows beyond so many times its size, and beyond so many bytes, is a bomb: weights hardly shrink."""

_MAX_MEMBERS = 10_000
_MAX_DEPTH = 4

_TAR_MAGIC = slice(257, 262)
"""Where a tar says what it is; those before POSIX say nothing."""

_COMPRESSED = (b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh")
"""First bytes of a tar that is compressed."""

_FROM_WINDOWS = 0
"""What a zip says of the system that made it, where that was DOS or Windows."""

_MAX_HEADER_BYTES = 1_048_576
"""Most bytes of a header in front of a tar's member, long names and extended attributes, which is read whole."""

_CHUNK_BYTES = 1_048_576

_HEADER_TYPES = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)

_BROKEN = (
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
)
"""What the readers of archives raise where one is damaged or made up."""


@dataclass(frozen=True, slots=True)
class _Member:
    path: PurePosixPath
    size_bytes: int
    is_plain: bool
    """Whether it is an ordinary file: no link, device or file with holes."""
    content: IO[bytes] | None


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def is_archive(name: str) -> bool:
    """Whether a file's name is an archive's."""
    return name.lower().endswith(_SUFFIXES)


def unpack(archive: Path, folder: Path, source: str, *, allow_pickle: bool, advance: Callable[[int], None]) -> None:
    """Write the files of the one model in an archive into a folder.

    Args:
        archive: The file.
        folder: Where they go.
        source: Its name, for messages.
        allow_pickle: Whether pickles will do where there is nothing else.
        advance: Called with the bytes written.

    Raises:
        CorruptFile: If it is something else, broken, a bomb, has no model or several, or a member climbs out of it.
        DiskFull: If the volume has too little room.
        UnsafeFormat: If its weights are pickles, and those are not allowed.
    """
    if (found := foreign_content(archive)) is not None:
        raise CorruptFile(f"{source} {found.what}.", remedy=found.remedy)
    try:
        chosen = _choose(archive, source, allow_pickle=allow_pickle)
        limit_bytes = _limit_bytes(archive)
        if sum(chosen.values()) > limit_bytes:
            # Members of a zip are limited one by one as they are read; together they may be a bomb, too.
            raise _bomb(source, limit_bytes)
        refuse_without_room(folder, sum(chosen.values()))
        for member in _members(archive, source):
            if member.path in chosen and member.content is not None:
                name = PACKED_MANIFEST if member.path.name == MANIFEST_FILE else member.path.name
                _write(member.content, folder / name, advance)
    except _BROKEN as error:
        raise CorruptFile(
            f"{source} cannot be unpacked ({type(error).__name__}: {error}).", remedy="Pack and upload it again."
        ) from error


def _choose(archive: Path, source: str, *, allow_pickle: bool) -> dict[PurePosixPath, int]:
    """The members to write, with their sizes: those beside the one config.json."""
    members: dict[PurePosixPath, _Member] = {}
    for member in _members(archive, source):
        members[member.path] = member
    home = _home(members, source)
    names = [path.name for path in members if path.parent == home]

    def read(name: str) -> bytes:
        return _content(archive, source, home / name)

    wanted = select(names, source, read, allow_pickle=allow_pickle)
    if MANIFEST_FILE in names:
        wanted.append(MANIFEST_FILE)
    for name in wanted:
        if not members[home / name].is_plain:
            raise _special(source, home / name)
    return {home / name: members[home / name].size_bytes for name in wanted}


def _content(archive: Path, source: str, path: PurePosixPath) -> bytes:
    """A small member's content; an index's, which says what else is wanted before anything is written."""
    for member in _members(archive, source):
        if member.path == path:
            if member.content is None or not member.is_plain:
                break
            return member.content.read(MAX_INDEX_BYTES + 1)
    raise _special(source, path)


def _special(source: str, path: PurePosixPath) -> CorruptFile:
    return CorruptFile(f"{source}: {path} is a link or a special file.", remedy="Pack the file itself.")


def _home(members: Iterable[PurePosixPath], source: str) -> PurePosixPath:
    """The folder of the model: the highest one with a config.json. Those below it are a model's parts."""
    homes = sorted((path.parent for path in members if path.name == CONFIG_FILE), key=lambda path: len(path.parts))
    if not homes:
        raise CorruptFile(f"{source} has no {CONFIG_FILE}.", remedy="Pack a checkpoint in Hugging Face's layout.")
    rivals = sorted(str(home) for home in homes if len(home.parts) == len(homes[0].parts))
    if len(rivals) > 1:
        raise CorruptFile(f"{source} has several models: {', '.join(rivals[:3])}.", remedy="Pack one model alone.")
    return homes[0]


def _members(archive: Path, source: str) -> Iterator[_Member]:
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


def _tar_members(archive: Path, source: str) -> Iterator[_Member]:
    limit_bytes = _limit_bytes(archive)
    with (
        _decompressed(archive) as stream,
        _Limited(stream, limit_bytes, source) as limited,
        tarfile.open(fileobj=limited, mode="r|", errorlevel=2, tarinfo=_TarInfo) as tar,
    ):
        for number, info in enumerate(tar, 1):
            _refuse_too_many(number, source)
            # Before what follows is looked for: where it should begin is what a header says, be it 2^60 bytes away.
            if tar.offset > limit_bytes:
                raise _bomb(source, limit_bytes)
            if not info.isdir():
                is_plain = info.isreg() and not info.issparse()
                yield _Member(
                    PurePosixPath(info.name), info.size, is_plain, tar.extractfile(info) if is_plain else None
                )
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


def _zip_members(archive: Path, source: str) -> Iterator[_Member]:
    limit_bytes = _limit_bytes(archive)
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
            with packed.open(info) as content, _Limited(content, limit_bytes, source) as limited:
                yield _Member(PurePosixPath(name), info.file_size, kind in {0, 8}, io.BufferedReader(limited))


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
        else:
            yield file


def _limit_bytes(archive: Path) -> int:
    return max(_MIN_LIMIT_BYTES, _MAX_EXPANSION * archive.stat().st_size)


def _bomb(source: str, limit_bytes: int) -> CorruptFile:
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
            raise _bomb(self._source, self._limit_bytes)
        return data

    @override
    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # io gives a buffer
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


def _write(content: IO[bytes], path: Path, advance: Callable[[int], None]) -> None:
    temporary = path.with_name(f".{path.name}.unpacking")
    with temporary.open("wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            file.write(chunk)
            advance(len(chunk))
    temporary.replace(path)
