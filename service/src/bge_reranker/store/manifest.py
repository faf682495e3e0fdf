"""What a model's files are, down to their bytes, and the one digest that names the version.

What belongs here: which files count, their hashes, the manifest file. What must not: where models come from.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import CorruptFile

MANIFEST_FILE = "manifest.json"
"""The manifest's name, beside the model's files and not one of them."""

_MODEL_FILES = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "*.model",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
"""Patterns of the files that decide a score; `*.model` are sentencepiece's. A changed README is no new version."""

_MAX_THREADS = 4
"""Files hashed at once: one core hashes faster than most disks read, so more threads only seek more."""

_SHORT_DIGEST_LENGTH = 12
"""Hex digits of a digest that are shown to people."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a model."""

    path: str
    """Name inside the model's folder."""
    size_bytes: int
    sha256: str
    """Lower-case hex."""


@dataclass(frozen=True)
class Manifest:
    """All files of a model, sorted by path."""

    files: tuple[FileEntry, ...]

    @cached_property
    def digest(self) -> str:
        """Tree digest, 64 hex digits: sha256 over the lines `<sha256>  <path>` of the files sorted by path."""
        lines = (f"{entry.sha256}  {entry.path}\n" for entry in sorted(self.files, key=lambda entry: entry.path))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def short_digest(self) -> str:
        """The first digits of the digest, for people."""
        return self.digest[:_SHORT_DIGEST_LENGTH]


def hash_model(directory: Path) -> Manifest:
    """Hash the files of a model, following links as a Hugging Face cache has them.

    Raises:
        CorruptFile: If a file cannot be read, for example a link to a blob that is gone, or there is none at all.
    """
    names = _model_file_names(directory)
    if not names:
        raise CorruptFile(
            f"The folder {directory} has no file of a model.", remedy="Give the folder with config.json and weights."
        )
    return Manifest(tuple(_hash_files(directory, names)))


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write the manifest beside the files; by rename, so that a folder with a manifest is a complete one."""
    content = {"digest": manifest.digest, "files": [asdict(entry) for entry in manifest.files]}
    temporary = directory / f".{MANIFEST_FILE}.{os.getpid()}"
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(directory / MANIFEST_FILE)
    finally:
        temporary.unlink(missing_ok=True)


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest of a folder.

    Raises:
        CorruptFile: If it is missing, malformed, or its digest is not that of its entries.
    """
    path = directory / MANIFEST_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(tuple(_read_entry(entry) for entry in content["files"]))
        digest = content["digest"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CorruptFile(
            f"{path} cannot be read as a manifest ({type(error).__name__}).", remedy="Fetch the model again."
        ) from error
    if digest != manifest.digest:
        raise CorruptFile(
            f"{path}: its digest is {digest}, its entries give {manifest.digest}.", remedy="Fetch the model again."
        )
    return manifest


def verify(directory: Path, manifest: Manifest) -> None:
    """Compare a folder with its manifest: the same files, sizes and bytes.

    Raises:
        CorruptFile: For the first file that differs, with what was expected and found.
    """
    expected = {entry.path: entry for entry in manifest.files}
    for name in _model_file_names(directory):
        if name not in expected:
            raise _differs(directory / name, "no such file", "one")
    for entry in manifest.files:
        size_bytes = _size_bytes(directory / entry.path)
        if size_bytes != entry.size_bytes:
            raise _differs(directory / entry.path, f"{entry.size_bytes} bytes", f"{size_bytes} bytes")
    for found in _hash_files(directory, list(expected)):
        if found != expected[found.path]:
            raise _differs(directory / found.path, f"sha256 {expected[found.path].sha256}", f"sha256 {found.sha256}")


def _model_file_names(directory: Path) -> list[str]:
    """Names of the model's files, sorted; a link to nothing counts, so that it is noticed."""
    try:
        names = [path.name for path in directory.iterdir() if not path.is_dir()]
    except OSError as error:
        raise CorruptFile(f"The folder {directory} cannot be read ({error.strerror}).") from error
    return sorted(name for name in names if any(fnmatchcase(name, pattern) for pattern in _MODEL_FILES))


def _hash_files(directory: Path, names: list[str]) -> Iterable[FileEntry]:
    """Hash several files at once; hashlib releases the interpreter's lock and reads in small pieces."""
    with ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="hash-model") as pool:
        return list(pool.map(lambda name: _hash_file(directory / name), names))


def _hash_file(path: Path) -> FileEntry:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return FileEntry(path.name, os.fstat(file.fileno()).st_size, digest)
    except OSError as error:
        raise _unreadable(path, error) from error


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _read_entry(entry: dict[str, Any]) -> FileEntry:
    path, size_bytes, sha256 = entry["path"], entry["size_bytes"], entry["sha256"]
    if not isinstance(path, str) or not isinstance(size_bytes, int) or not isinstance(sha256, str):
        raise TypeError("an entry has a value of the wrong type")
    if Path(path).name != path:
        raise ValueError("an entry leads out of the folder")
    return FileEntry(path, size_bytes, sha256)


def _differs(path: Path, expected: str, found: str) -> CorruptFile:
    return CorruptFile(
        f"{path} is not what the manifest says: expected {expected}, found {found}.", remedy="Fetch the model again."
    )


def _unreadable(path: Path, error: OSError) -> CorruptFile:
    what = "leads to a file that does not exist" if path.is_symlink() and not path.exists() else str(error.strerror)
    return CorruptFile(f"{path} cannot be read: {what}.", remedy="Fetch the model again, or mend its permissions.")
