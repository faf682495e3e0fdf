"""Models in archives, and in layers of archives as images have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from ..checkpoint_files import CONFIG_FILE, MAX_INDEX_BYTES
from ..checkpoint_json import foreign_content
from ..errors import CorruptFile
from .archive_members import BROKEN, bomb, limit_bytes, members
from .manifest import MANIFEST_FILE
from .selection import select
from .transfer import refuse_without_room

ARCHIVE_FILE = ".archive"
"""What an archive is called while it lies in the folder that it is unpacked into."""

PACKED_MANIFEST = ".manifest.packed"
"""What an archive's own manifest is called there: the real name would say that everything else is there too."""

_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst", ".zip")
_CHUNK_BYTES = 1_048_576

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
"""Names by which a layer says that what layers below it have is gone: one path, or all of a folder.

Source: OCI image specification 1.1, layer.md, "Whiteouts".
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """A file of the tree that layers make together."""

    layer: int
    size_bytes: int
    is_plain: bool


def is_archive(name: str) -> bool:
    """Whether a file's name is an archive's."""
    return name.lower().endswith(_SUFFIXES)


def unpack(
    archives: Sequence[Path], folder: Path, source: str, *, allow_pickle: bool, advance: Callable[[int], None]
) -> None:
    """Write the files of the one model in an archive, or in layers of them, into a folder.

    Args:
        archives: The files; what a later one has hides what an earlier one has.
        folder: Where they go.
        source: Its name, for messages.
        allow_pickle: Whether pickles will do where there is nothing else.
        advance: Called with the bytes written.

    Raises:
        CorruptFile: If it is something else, broken, a bomb, has no model or several, or a member climbs out of it.
        DiskFull: If the volume has too little room.
        SettingsError: If what reads its compression is not installed.
        UnsafeFormat: If its weights are pickles, and those are not allowed.
    """
    for archive in archives:
        if (found := foreign_content(archive)) is not None:
            raise CorruptFile(f"{source} {found.what}.", remedy=found.remedy)
    try:
        chosen = _choose(archives, source, allow_pickle=allow_pickle)
        most_bytes, wanted_bytes = sum(map(limit_bytes, archives)), sum(place.size_bytes for place in chosen.values())
        if wanted_bytes > most_bytes:
            # Members of a zip are limited one by one as they are read; together they may be a bomb, too.
            raise bomb(source, most_bytes)
        refuse_without_room(folder, wanted_bytes)
        for number in sorted({place.layer for place in chosen.values()}):
            wanted = {path for path, place in chosen.items() if place.layer == number}
            _write_all(archives[number], wanted, folder, source, advance)
    except BROKEN as error:
        raise CorruptFile(
            f"{source} cannot be unpacked ({type(error).__name__}: {error}).", remedy="Pack and upload it again."
        ) from error


def _write_all(
    archive: Path, wanted: Iterable[PurePosixPath], folder: Path, source: str, advance: Callable[[int], None]
) -> None:
    for member in members(archive, source):
        if member.path in wanted and member.content is not None:
            name = PACKED_MANIFEST if member.path.name == MANIFEST_FILE else member.path.name
            _write(member.content, folder / name, advance)


def _choose(archives: Sequence[Path], source: str, *, allow_pickle: bool) -> dict[PurePosixPath, _Place]:
    """The files to write: those beside the one config.json."""
    tree = _tree(archives, source)
    home = _home(tree, source)
    names = [path.name for path in tree if path.parent == home]

    def read(name: str) -> bytes:
        path = home / name
        return _content(archives[tree[path].layer], source, path)

    wanted = select(names, source, read, allow_pickle=allow_pickle)
    if MANIFEST_FILE in names:
        wanted.append(MANIFEST_FILE)
    for name in wanted:
        if not tree[home / name].is_plain:
            raise _special(source, home / name)
    return {home / name: tree[home / name] for name in wanted}


def _tree(archives: Sequence[Path], source: str) -> Mapping[PurePosixPath, _Place]:
    """The files that are left when each layer is laid over the ones before it."""
    tree: dict[PurePosixPath, _Place] = {}
    for number, archive in enumerate(archives):
        upper: dict[PurePosixPath, _Place] = {}
        hidden: set[PurePosixPath] = set()
        for member in members(archive, source):
            if member.path.name.startswith(_WHITEOUT):
                hidden.add(_hidden(member.path))
            else:
                upper[member.path] = _Place(number, member.size_bytes, member.is_plain)
        tree = dict(_below(tree, hidden | set(upper))) | upper
    return tree


def _hidden(path: PurePosixPath) -> PurePosixPath:
    """What a whiteout hides, itself and all below it; of an opaque folder nothing of lower layers is left either."""
    return path.parent if path.name == _OPAQUE else path.with_name(path.name.removeprefix(_WHITEOUT) or _WHITEOUT)


def _below(tree: Mapping[PurePosixPath, _Place], covers: set[PurePosixPath]) -> Iterator[tuple[PurePosixPath, _Place]]:
    """What of lower layers no cover hides: neither it nor a folder that it is in, nor what is a folder now."""
    folders = {parent for path in covers for parent in path.parents}
    for path, place in tree.items():
        if path not in covers and path not in folders and covers.isdisjoint(path.parents):
            yield path, place


def _content(archive: Path, source: str, path: PurePosixPath) -> bytes:
    """A small member's content; an index's, which says what else is wanted before anything is written."""
    for member in members(archive, source):
        if member.path == path:
            if member.content is None or not member.is_plain:
                break
            return member.content.read(MAX_INDEX_BYTES + 1)
    raise _special(source, path)


def _special(source: str, path: PurePosixPath) -> CorruptFile:
    return CorruptFile(f"{source}: {path} is a link or a special file.", remedy="Pack the file itself.")


def _home(paths: Iterable[PurePosixPath], source: str) -> PurePosixPath:
    """The folder of the model: the highest one with a config.json. Those below it are a model's parts."""
    homes = sorted((path.parent for path in paths if path.name == CONFIG_FILE), key=lambda path: len(path.parts))
    if not homes:
        raise CorruptFile(f"{source} has no {CONFIG_FILE}.", remedy="Pack a checkpoint in Hugging Face's layout.")
    rivals = sorted(str(home) for home in homes if len(home.parts) == len(homes[0].parts))
    if len(rivals) > 1:
        raise CorruptFile(f"{source} has several models: {', '.join(rivals[:3])}.", remedy="Pack one model alone.")
    return homes[0]


def _write(content: IO[bytes], path: Path, advance: Callable[[int], None]) -> None:
    temporary = path.with_name(f".{path.name}.unpacking")
    with temporary.open("wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            file.write(chunk)
            advance(len(chunk))
    temporary.replace(path)
