"""How a store lies on a disk: `<directory>/<name>/<revision>/`, and what is beside it while it is being made.

<name>/<revision>/            a complete version: files and manifest.json
<name>/.refs/<reference>      what a branch, or the lack of a revision, meant when it was fetched
<name>/.<key>.staging/        a version being fetched; it gets its own name when it is complete
<name>/.<key>.lock            who is fetching it
.leases/<server>              a version that a server holds
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptFile, DiskFull, RerankerError, SettingsError
from .manifest import MANIFEST_FILE
from .source import Source, file_name_of

REFERENCES = ".refs"
"""Beside the versions of a model; who has such a neighbour lies in a store."""

LEASES = ".leases"
STAGING_SUFFIX = ".staging"
LOCK_SUFFIX = ".lock"
_FOLDER = re.compile(r"[A-Za-z0-9_%~-][A-Za-z0-9_.%~-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Version:
    """One complete version of a model in a store."""

    name: str
    revision: str
    path: Path

    @property
    def key(self) -> str:
        """What a lease names."""
        return f"{self.name}/{self.revision}"


class Store:
    """The folder in which models lie.

    Args:
        directory: Where; it need not exist yet.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def versions(self) -> Iterator[Version]:
        """Yield the complete versions, by name, newest first."""
        for folder in sorted(_folders(self.directory)):
            complete = [path for path in _folders(folder) if (path / MANIFEST_FILE).is_file()]
            for path in sorted(complete, key=lambda path: (path / MANIFEST_FILE).stat().st_mtime, reverse=True):
                yield Version(folder.name, path.name, path)

    def find(self, source: Source) -> Version | None:
        """The complete version that a source means here, or None."""
        remembered = self.remembered(source)
        if remembered is not None and (remembered.path / MANIFEST_FILE).is_file():
            return remembered
        return self.complete(source, file_name_of(source.revision)) if source.revision is not None else None

    def complete(self, source: Source, revision: str) -> Version | None:
        """A version by the name of its folder, if it is complete."""
        path = self.version_path(source, revision)
        return Version(source.name, revision, path) if (path / MANIFEST_FILE).is_file() else None

    def remembered(self, source: Source) -> Version | None:
        """The version that a source's revision meant when it was fetched; it need not be there any more."""
        try:
            key = self._reference_file(source).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        name, _, revision = key.partition("/")
        if not (_FOLDER.fullmatch(name) and _FOLDER.fullmatch(revision)):
            return None
        return Version(name, revision, self.directory / name / revision)

    def remember(self, source: Source, version: Version) -> None:
        """Note what a source's revision means; by rename, so that nobody reads half a name."""
        file = self._reference_file(source)
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.new")
        temporary.write_text(version.key, encoding="utf-8")
        temporary.replace(file)

    def version_path(self, source: Source, revision: str) -> Path:
        """Folder of a version."""
        return self.directory / source.name / revision

    def staging_path(self, source: Source, key: str) -> Path:
        """Folder in which a version is made."""
        return self.directory / source.name / f".{key}{STAGING_SUFFIX}"

    def lock_path(self, source: Source, key: str) -> Path:
        """File that says who makes a version."""
        return self.directory / source.name / f".{key}{LOCK_SUFFIX}"

    def _reference_file(self, source: Source) -> Path:
        return self.directory / source.name / REFERENCES / source.reference


def refuse_incomplete(path: Path) -> None:
    """Refuse to serve what a store has not finished.

    Raises:
        CorruptFile: If the folder is a store's and has no manifest.
    """
    real = path.resolve()
    is_in_store = real.name.endswith(STAGING_SUFFIX) or (real.parent / REFERENCES).is_dir()
    if is_in_store and not (real / MANIFEST_FILE).is_file():
        raise CorruptFile(
            f"{path} has no {MANIFEST_FILE}: it was not fetched completely.",
            remedy="Run the same `bge-reranker model fetch` again; it goes on where it stopped.",
        )


def version_at(path: Path) -> Version | None:
    """The complete version of a store that a folder is, if it is one."""
    real = path.resolve()
    is_version = (real.parent / REFERENCES).is_dir() and (real / MANIFEST_FILE).is_file()
    return Version(real.parent.name, real.name, real) if is_version else None


def unwritable(
    path: Path,
    error: OSError,
    remedy: str = "Mount the store's volume read-write and let the process write there, or set another cacheDir.",
) -> RerankerError:
    """Say what it means that something in the store, or elsewhere with another remedy, cannot be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(f"{path}: no room is left on the volume.", figures={"path": str(path)})
    return SettingsError(
        f"{path} cannot be written: {error.strerror or error}.",
        remedy=remedy,
        figures={"path": str(path)},
    )


def _folders(directory: Path) -> list[Path]:
    try:
        return [path for path in directory.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return []
