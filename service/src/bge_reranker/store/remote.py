"""What every kind of source gives to who transfers: files that can be opened anywhere, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ..checkpoint_files import MAX_INDEX_BYTES
from ..errors import HubUnreachable
from .manifest import Provenance

Chunks = AbstractContextManager[Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a source."""

    path: str
    """Name inside the model's folder."""

    size_bytes: int | None
    """None where the source does not say."""

    open: Callable[[int, int | None], Chunks]
    """Opens the bytes from a first to before a last one (None: to the end) and yields them in chunks. Raises a
    ModelError: HubUnreachable where another try may help."""

    has_ranges: bool = True
    """Whether a part can be asked for without paying for the whole."""

    version: str = ""
    """ETag or the like: parts of another version are thrown away."""

    sha256: str | None = None
    """What the source says that its bytes hash to."""

    git_oid: str | None = None
    """The same in git's way: sha1 over a header and the bytes."""


def read_small(file: RemoteFile, max_bytes: int = MAX_INDEX_BYTES) -> bytes:
    """Read a small file of a source whatever size it declares; of a larger one, a byte more than it may have.

    Args:
        file: The file.
        max_bytes: Most bytes that it may have.

    Raises:
        ModelError: What opening it raises; HubUnreachable also where it ends early.
    """
    most = max_bytes + 1
    data = bytearray()
    with file.open(0, None) as chunks:
        for chunk in chunks:
            data += chunk
            if len(data) >= most:
                break
    if file.size_bytes is not None and len(data) < min(file.size_bytes, most):
        raise HubUnreachable(f"{file.path} broke off after {len(data)} of {file.size_bytes} bytes.")
    return bytes(data[:most])


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source has under a revision."""

    files: tuple[RemoteFile, ...]
    provenance: Provenance
    is_archive: bool = False
    """Whether the files are what the model is packed in: one archive, or layers that are laid over one another."""
