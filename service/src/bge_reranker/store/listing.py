"""What a source has, asked of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .hashing import unreadable
from .remote import Listing
from .source import Source


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """What is asked of a fetch beside its source."""

    expect_digest: str | None = None
    allow_pickle: bool = False
    is_refresh: bool = False
    """Whether a revision is resolved again although the store remembers what it meant."""
    is_full: bool = False
    """Whether a version that is there already is compared with its manifest byte by byte."""
    claims: Path = Path("/mnt/claims")
    """Where volume claims are mounted."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Endpoints, credentials, and where caches are."""


def list_source(source: Source, options: FetchOptions) -> Listing:
    """Ask a source what it has.

    Raises:
        ModelError: Why it has nothing for us.
        SettingsError: If what this kind of source needs is not installed.
    """
    try:
        return source.kind.list(source, options)
    except OSError as error:
        # A folder that may not be looked into, or a name that the file system does not take.
        raise unreadable(Path(str(error.filename)), error) from error
