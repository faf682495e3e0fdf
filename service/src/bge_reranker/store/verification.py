"""Comparing a folder with its manifest: every byte, or sizes and a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import DigestMismatch
from .hashing import hash_files, hash_sample, unreadable
from .manifest import FileEntry, Manifest, model_file_names


def verify(directory: Path, manifest: Manifest, advance: Callable[[int], None] | None = None) -> None:
    """Compare a folder with its manifest: the same files, sizes and bytes.

    Args:
        directory: The folder.
        manifest: What it should hold.
        advance: Called with the bytes of each step; may raise to end the work.

    Raises:
        DigestMismatch: For the first file that differs, with what was expected and found.
        CorruptFile: If a file is missing or cannot be read, or no weights can be loaded.
    """
    _verify_sizes(directory, manifest)
    _verify_whole(directory, manifest.files, advance)
    _refuse_unlisted(directory, manifest)


def verify_sample(directory: Path, manifest: Manifest) -> None:
    """Compare names, sizes and a sample of each large file; small ones whole.

    Raises:
        DigestMismatch: As `verify`.
        CorruptFile: As `verify`.
    """
    _verify_sizes(directory, manifest)
    _verify_whole(directory, [entry for entry in manifest.files if entry.sample_sha256 is None])
    for entry in manifest.files:
        if entry.sample_sha256 is not None and (found := hash_sample(directory / entry.path)) != entry.sample_sha256:
            raise _differs(directory / entry.path, f"sample {entry.sample_sha256}", f"sample {found}")
    _refuse_unlisted(directory, manifest)


def _verify_sizes(directory: Path, manifest: Manifest) -> None:
    for entry in manifest.files:
        size_bytes = _size_bytes(directory / entry.path)
        if size_bytes != entry.size_bytes:
            raise _differs(directory / entry.path, f"{entry.size_bytes} bytes", f"{size_bytes} bytes")


def _refuse_unlisted(directory: Path, manifest: Manifest) -> None:
    """Refuse a file that would be loaded and that the manifest does not know; last, as an index says which are."""
    expected = {entry.path for entry in manifest.files}
    for name in model_file_names(directory):
        if name not in expected:
            raise _differs(directory / name, "no such file", "one")


def refuse_other_digest(found: str, expected: str | None, what: str) -> None:
    """Refuse a model that is not the one demanded.

    Raises:
        DigestMismatch: If a digest is demanded and this is another.
    """
    if expected is not None and found != expected:
        raise DigestMismatch(
            f"{what} has the digest {found}, and {expected} is demanded.",
            remedy="Correct expectDigest (--expect-digest), or the revision.",
            figures={"expected": expected, "found": found},
        )


def _verify_whole(directory: Path, entries: Sequence[FileEntry], advance: Callable[[int], None] | None = None) -> None:
    found = hash_files([directory / entry.path for entry in entries], advance)
    for entry, file in zip(entries, found, strict=True):
        if file.sha256 != entry.sha256:
            raise _differs(directory / entry.path, f"sha256 {entry.sha256}", f"sha256 {file.sha256}")


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error


def _differs(path: Path, expected: str, found: str) -> DigestMismatch:
    return DigestMismatch(
        f"{path} is not what the manifest says: expected {expected}, found {found}.",
        figures={"file": path.name, "expected": expected, "found": found},
    )
