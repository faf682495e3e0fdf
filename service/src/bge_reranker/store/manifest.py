"""What a model's files are, down to their bytes, where they came from, and the one digest that names the version."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from ..checkpoint_files import weights_in
from ..errors import CorruptFile
from .hashing import hash_files, hash_sample

MANIFEST_FILE = "manifest.json"
"""The manifest's name, beside the model's files and not one of them."""

MAX_MANIFEST_BYTES = 4_194_304
"""Most bytes of a manifest that are read; ten thousand entries fit."""

MAX_FILE_BYTES = 2**63 - 1
"""Largest size that a file can have on any system here; a source that declares a larger one is wrong."""

_MODEL_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "*.model",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "modules.json",
    "preprocessor_config.json",
    "processor_config.json",
    "sentence_*_config.json",
)
"""Patterns of the files that decide a score beside the weights; `*.model` are sentencepiece's, `modules.json` and
`sentence_*_config.json` sentence-transformers'. A changed README is no new version."""

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
    sample_sha256: str | None = None
    """Of blocks spread over the file; None where the file is small."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a version came from and what it is, as far as that was known when it was fetched."""

    source: str
    revision: str | None = None
    """What was asked for."""
    commit: str | None = None
    """What the hub made of it."""
    licence: str | None = None
    architecture: str | None = None
    """Class name in config.json."""
    fetched_at: str | None = None
    """Time in UTC, ISO 8601."""


@dataclass(frozen=True)
class Manifest:
    """All files of a model, sorted by path, and their origin."""

    files: tuple[FileEntry, ...]
    provenance: Provenance | None = field(default=None, compare=False)

    @cached_property
    def digest(self) -> str:
        """Tree digest, 64 hex digits: sha256 over the lines `<sha256>  <path>` of the files sorted by path."""
        lines = (f"{entry.sha256}  {entry.path}\n" for entry in sorted(self.files, key=lambda entry: entry.path))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def short_digest(self) -> str:
        """The first digits of the digest, for people."""
        return self.digest[:_SHORT_DIGEST_LENGTH]

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(entry.size_bytes for entry in self.files)


def decides_beside_weights(name: str) -> bool:
    """Whether a file that holds no weights decides a score."""
    return any(fnmatchcase(name, pattern) for pattern in _MODEL_FILES)


def model_file_names(directory: Path) -> list[str]:
    """Names of the files of a folder that decide a score, sorted; a link to nothing counts, so that it is noticed.

    Raises:
        CorruptFile: If the folder cannot be read, or has no weights that can be loaded.
        UnsafeFormat: If its weights are pickles.
    """
    weights = weights_in(directory)
    names = [path.name for path in directory.iterdir() if not path.is_dir()]
    return sorted({*filter(decides_beside_weights, names), *weights.names})


def hash_model(directory: Path, advance: Callable[[int], None] | None = None) -> Manifest:
    """Hash the files of a model, following links as a Hugging Face cache has them.

    Args:
        directory: Their folder.
        advance: Called with the bytes of each step.

    Raises:
        CorruptFile: If a file cannot be read, for example a link to a blob that is gone, or there are no weights.
        UnsafeFormat: If the weights are pickles.
    """
    names = model_file_names(directory)
    for name in names:
        if not name.isprintable():
            # Bytes that are no UTF-8, or a line break, with which a digest's lines could be forged.
            raise CorruptFile(f"{directory} has a file of a model called {name!r}.", remedy="Rename or remove it.")
    hashes = hash_files([directory / name for name in names], advance)
    return Manifest(
        tuple(
            FileEntry(name, found.size_bytes, found.sha256, hash_sample(directory / name))
            for name, found in zip(names, hashes, strict=True)
        )
    )


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write the manifest beside the files; by rename, so that a folder with a manifest is a complete one."""
    content: dict[str, Any] = {"digest": manifest.digest, "size_bytes": manifest.size_bytes}
    if manifest.provenance is not None:
        content |= asdict(manifest.provenance)
    content["files"] = [asdict(entry) for entry in manifest.files]
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
        with path.open("rb") as file:
            data = file.read(MAX_MANIFEST_BYTES + 1)
    except FileNotFoundError:
        raise CorruptFile(
            f"{directory} has no {MANIFEST_FILE} that its files could be compared with.",
            remedy="Fetch it into a store, which writes one: `bge-reranker model fetch`.",
        ) from None
    except OSError as error:
        raise _no_manifest(path, error) from error
    return parse_manifest(data, str(path))


def parse_manifest(data: bytes, path: str) -> Manifest:
    """Read a manifest's bytes.

    Args:
        data: JSON in UTF-8; of one that is too large, a byte more than it may have is enough.
        path: Where it was, for messages.

    Raises:
        CorruptFile: If it is too large, malformed, or its digest is not that of its entries.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise CorruptFile(f"{path} is larger than a manifest can be ({MAX_MANIFEST_BYTES} bytes).")
    try:
        # Servers and editors put a mark before what they keep for others.
        content = json.loads(data.decode("utf-8-sig"))
        manifest = Manifest(tuple(_read_entry(entry) for entry in content["files"]), _read_provenance(content))
        digest = content["digest"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _no_manifest(path, error) from error
    if digest != manifest.digest:
        raise CorruptFile(
            f"{path}: its digest is {digest}, its entries give {manifest.digest}.", remedy="Fetch the model again."
        )
    return manifest


def _no_manifest(path: object, error: Exception) -> CorruptFile:
    return CorruptFile(
        f"{path} cannot be read as a manifest ({type(error).__name__}).", remedy="Fetch the model again."
    )


def _read_entry(entry: dict[str, Any]) -> FileEntry:
    path, size_bytes, sha256 = entry["path"], entry["size_bytes"], entry["sha256"]
    sample = entry.get("sample_sha256")
    if not isinstance(path, str) or type(size_bytes) is not int or not isinstance(sha256, str):
        raise TypeError("an entry has a value of the wrong type")
    if not 0 <= size_bytes <= MAX_FILE_BYTES:
        raise ValueError("an entry has a size that no file has")
    if sample is not None and not isinstance(sample, str):
        raise TypeError("an entry has a value of the wrong type")
    if Path(path).name != path or path in {"", ".", ".."} or "\\" in path:
        raise ValueError("an entry leads out of the folder")
    if not path.isprintable():
        raise ValueError("an entry's name is no text in one line")
    return FileEntry(path, size_bytes, sha256, sample)


def _read_provenance(content: Mapping[str, Any]) -> Provenance | None:
    if "source" not in content:
        return None
    known = {name: content.get(name) for name in Provenance.__dataclass_fields__}
    return Provenance(**{name: None if value is None else str(value) for name, value in known.items()})  # type: ignore[arg-type]  # source is there
