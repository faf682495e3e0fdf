"""The source `pvc://claim/path`: a folder or an archive on a volume claim that is mounted here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from ..model_directory import ModelDirectory, in_place
from ..source import Source, SourceKind
from .patterns import DNS_NAME, STEP

if TYPE_CHECKING:
    from ...settings import ModelSettings
    from ..listing import FetchOptions
    from ..remote import Listing


class ClaimSource(SourceKind):
    """A path on a volume claim, below the folder in which claims are mounted."""

    schemes = ("pvc",)
    example = "pvc://claim/path"
    pattern = f"pvc://{DNS_NAME}(/({STEP})?)*"
    is_local = True

    @override
    def list(self, source: Source, options: FetchOptions) -> Listing:
        from .folder_files import list_path  # noqa: PLC0415 - who serves lists nothing

        return list_path(options.claims / source.location, source, allow_pickle=options.allow_pickle)

    @override
    def locate(self, source: Source, environment: Mapping[str, str], settings: ModelSettings) -> ModelDirectory:
        return in_place(Path(settings.claims_dir) / source.location, source)
