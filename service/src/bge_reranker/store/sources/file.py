"""The source `file://`, and every path: a checkpoint's folder or an archive on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from ..home import expanded
from ..model_directory import ModelDirectory, in_place
from ..source import Source, SourceKind

if TYPE_CHECKING:
    from ...settings import ModelSettings
    from ..listing import FetchOptions
    from ..remote import Listing


class FileSource(SourceKind):
    """A path."""

    schemes = ("file",)
    example = "file:///folder"
    pattern = "/.+|file://.+"
    is_local = True

    @override
    def parse(self, text: str, revision: str | None) -> Source:
        source = Source(self, text.removeprefix("file://"), revision)
        if not source.location.strip("/"):
            raise self.nowhere(source)
        return replace(source, location=source.location.rstrip("/"))

    @override
    def list(self, source: Source, options: FetchOptions) -> Listing:
        from .folder_files import list_path  # noqa: PLC0415 - who serves lists nothing

        return list_path(expanded(source.location), source, allow_pickle=options.allow_pickle)

    @override
    def locate(self, source: Source, environment: Mapping[str, str], settings: ModelSettings) -> ModelDirectory:
        return in_place(expanded(source.location), source)
