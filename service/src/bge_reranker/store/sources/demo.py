"""The source `demo`: the model that is embedded in the package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from typing_extensions import override

from ...demo import demo_model_directory
from ..model_directory import DEMO_REFERENCE, ModelDirectory
from ..source import Source, SourceKind

if TYPE_CHECKING:
    from ...settings import ModelSettings
    from ..listing import FetchOptions
    from ..remote import Listing


class DemoSource(SourceKind):
    """The embedded model."""

    example = pattern = DEMO_REFERENCE
    is_embedded = True

    @override
    def parse_bare(self, text: str, revision: str | None) -> Source | None:
        return Source(self, text, revision) if text == DEMO_REFERENCE else None

    @override
    def list(self, source: Source, options: FetchOptions) -> Listing:
        from .folder_files import list_folder  # noqa: PLC0415 - who serves lists nothing

        return list_folder(demo_model_directory(), source, allow_pickle=False)

    @override
    def locate(self, source: Source, environment: Mapping[str, str], settings: ModelSettings) -> ModelDirectory:
        return ModelDirectory(demo_model_directory(), DEMO_REFERENCE, None, DEMO_REFERENCE)

    @override
    def shown(self, location: str) -> str:
        return DEMO_REFERENCE

    @override
    def folder_name(self, location: str) -> str:
        return DEMO_REFERENCE
