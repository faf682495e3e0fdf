"""From a source to the list of its files: which kind is asked how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..demo import demo_model_directory
from ..errors import SettingsError
from .folder import list_archive, list_cached, list_folder
from .hashing import unreadable
from .home import expanded
from .network import refuse_network_variables
from .remote import Listing
from .source import Source
from .web import list_web


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
        return _list(source, options)
    except OSError as error:
        # A folder that may not be looked into, or a name that the file system does not take.
        raise unreadable(Path(str(error.filename)), error) from error


def _list(source: Source, options: FetchOptions) -> Listing:
    allow_pickle = options.allow_pickle
    if source.kind == "demo":
        return list_folder(demo_model_directory(), source, allow_pickle=False)
    if source.kind == "hf":
        cached = None if options.is_refresh else list_cached(source, options.environment, allow_pickle=allow_pickle)
        if cached is not None:
            return cached
    if source.kind in {"hf", "https", "s3"}:
        return _list_remote(source, options)
    path = options.claims / source.place if source.kind == "pvc" else expanded(source.place)
    if path.is_file():
        return list_archive(path, source)
    return list_folder(path, source, allow_pickle=allow_pickle)


def _list_remote(source: Source, options: FetchOptions) -> Listing:
    refuse_network_variables(options.environment)
    if source.kind == "hf":
        from .hub import Hub  # noqa: PLC0415 - other sources need no client of a hub

        return Hub(options.environment, allow_pickle=options.allow_pickle).list(source)
    if source.kind == "https":
        return list_web(source, allow_pickle=options.allow_pickle)
    return _list_s3(source, options)


def _list_s3(source: Source, options: FetchOptions) -> Listing:
    try:
        from .s3 import list_s3  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise SettingsError(f"s3:// needs the package {error.name}.", remedy="Install bge-reranker[s3].") from None
    return list_s3(source, options.environment, allow_pickle=options.allow_pickle)
