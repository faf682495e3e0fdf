"""What a user calls a model, taken apart: kind of source, location, revision, and the name it gets in the store."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from ..errors import UnknownModel

if TYPE_CHECKING:
    from ..settings import ModelSettings
    from .listing import FetchOptions
    from .model_directory import ModelDirectory
    from .remote import Listing

DEFAULT_REVISION = "default"
"""Revision of a source that has none of its own, as a file name among references."""

_NAME_HASH_LENGTH = 8
_MAX_NAME_LENGTH = 100
"""Characters of an address that name a folder: file systems take 255 bytes, and locks and parts have longer names."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from."""

    kind: SourceKind
    location: str
    """`org/name`, a URL, `bucket/prefix`, a path, or `claim/path`; with secrets, so never shown."""
    revision: str | None
    """What the user asked for; None where nothing was said."""

    @property
    def shown(self) -> str:
        """The source for people, logs and manifests: no user, password or signature."""
        return self.kind.shown(self.location)

    @property
    def name(self) -> str:
        """Folder of the model in a store: readable, and of this source alone."""
        return self.kind.folder_name(self.location)

    @property
    def reference(self) -> str:
        """Name under which the store remembers what the revision meant."""
        return file_name_of(self.revision or self.kind.default_revision)


class SourceKind(ABC):
    """How sources of one kind are written, named, listed and found; each is registered in `sources.registry`."""

    schemes: ClassVar[tuple[str, ...]] = ()
    """What stands before `://`; the first is the kind's own."""
    example: ClassVar[str]
    """How one is written, for messages."""
    pattern: ClassVar[str]
    """Regular expression (RE2) of all texts that the chart and the CRD let through."""
    default_revision: ClassVar[str] = DEFAULT_REVISION
    """What is meant where no revision is named."""
    is_local: ClassVar[bool] = False
    """Whether it lies on this machine: what an archive says of its own origin is believed."""
    is_embedded: ClassVar[bool] = False
    """Whether it comes with the package, so that a store need not have it."""

    @abstractmethod
    def list(self, source: Source, options: FetchOptions) -> Listing:
        """Ask a source what it has; a client that takes long to import is imported here.

        Raises:
            ModelError: Why it has nothing for us.
            SettingsError: If what this kind needs is not installed, or a variable cannot be used.
        """

    def parse(self, text: str, revision: str | None) -> Source:
        """Take apart a text that begins with one of the schemes.

        Raises:
            UnknownModel: If what follows is no location of this kind.
        """
        source = Source(self, text.partition("://")[2], revision)
        self.refuse_climbing(source, source.location)
        if source.location.startswith("/") or not source.location:
            raise self.nowhere(source)
        return Source(self, source.location.rstrip("/"), revision)

    def parse_bare(self, text: str, revision: str | None) -> Source | None:  # noqa: ARG002 - of who overrides it
        """Take apart a text without a scheme, where this kind has such a form.

        Raises:
            UnknownModel: If it contradicts the revision.
        """
        return None

    def locate(
        self,
        source: Source,
        environment: Mapping[str, str],  # noqa: ARG002 - of who overrides it
        settings: ModelSettings,  # noqa: ARG002 - of who overrides it
    ) -> ModelDirectory:
        """Find what is served without a store.

        Raises:
            UnknownModel: If it is not there, or has to be fetched first.
        """
        raise UnknownModel(
            f"{source.shown} has to be fetched before it is served, and no store is set.",
            remedy="Set cacheDir (--cache-dir), and run `bge-reranker model fetch` with it first.",
        )

    def shown(self, location: str) -> str:
        """A location for people, logs and manifests."""
        return f"{self.schemes[0]}://{location}"

    def folder_name(self, location: str) -> str:
        """The model's folder in a store."""
        shown = self.shown(location)
        digest = hashlib.sha256(shown.encode()).hexdigest()[:_NAME_HASH_LENGTH]
        last = re.sub(r"[^\w.-]", "-", shown.rstrip("/").rpartition("/")[2], flags=re.ASCII).lstrip(".-")
        return f"{last[:_MAX_NAME_LENGTH] or 'model'}-{digest}"

    def served_name(self, location: str) -> str | None:  # noqa: ARG002 - of who overrides it
        """The name under which a model of a store is served; None: its folder's."""
        return None

    def refuse_climbing(self, source: Source, path: str) -> None:
        """Refuse a path with `..` in it.

        Raises:
            UnknownModel: If it has one.
        """
        if ".." in path.split("/"):
            raise UnknownModel(f"{source.shown} climbs out of its root with `..`.", remedy="Give the direct path.")

    def nowhere(self, source: Source) -> UnknownModel:
        """Make the error that says that a source has no location."""
        return UnknownModel(f"{source.shown} names no model.", remedy=f"Write {self.example}.")


def file_name_of(text: str) -> str:
    """Any text, a hub's or a bundle's too, as the name of one visible file: it leads nowhere."""
    name = quote(text, safe="")
    # Quoting leaves dots alone, of which two are the folder above.
    return f"%2E{name[1:]}" if name.startswith(".") else name
