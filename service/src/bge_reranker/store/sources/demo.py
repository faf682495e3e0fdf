"""The sources `demo` and `demo-clip`: the models that are embedded in the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from ...demo import demo_clip_directory, demo_model_directory
from ..model_directory import DEMO_CLIP_REFERENCE, DEMO_REFERENCE, ModelDirectory
from ..source import Source, SourceKind

if TYPE_CHECKING:
    from ...settings import ModelSettings
    from ..listing import FetchOptions
    from ..remote import Listing


class DemoSource(SourceKind):
    """The embedded cross-encoder."""

    example = pattern = DEMO_REFERENCE
    is_embedded = True

    @override
    def parse_bare(self, text: str, revision: str | None) -> Source | None:
        return Source(self, text, revision) if text == self.example else None

    @override
    def list(self, source: Source, options: FetchOptions) -> Listing:
        from .folder_files import list_folder  # noqa: PLC0415 - who serves lists nothing

        return list_folder(self._directory(), source, allow_pickle=False)

    @override
    def locate(self, source: Source, environment: Mapping[str, str], settings: ModelSettings) -> ModelDirectory:
        return ModelDirectory(self._directory(), self.example, None, self.example)

    @override
    def shown(self, location: str) -> str:
        return self.example

    @override
    def folder_name(self, location: str) -> str:
        return self.example

    def _directory(self) -> Path:
        return demo_model_directory()


class DemoClipSource(DemoSource):
    """The embedded dual encoder."""

    example = pattern = DEMO_CLIP_REFERENCE

    @override
    def _directory(self) -> Path:
        return demo_clip_directory()
