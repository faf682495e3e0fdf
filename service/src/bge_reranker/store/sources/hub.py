"""The source `hf://`, and `org/name` alone: a model of a Hugging Face hub, or of its cache on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from typing_extensions import override

from ...errors import UnknownModel
from ...hub_client import refuse_unreadable
from ..model_directory import ModelDirectory
from ..source import Source, SourceKind
from .network import refuse_network_variables
from .patterns import REVISION

if TYPE_CHECKING:
    from ...settings import ModelSettings
    from ..listing import FetchOptions
    from ..remote import Listing

DEFAULT_BRANCH = "main"
"""Branch that a hub means where none is named."""

_NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"
_REPOSITORY = re.compile(f"{_NAME}/{_NAME}")
_REVISION = re.compile(r"\w[\w./-]*", re.ASCII)


class HubSource(SourceKind):
    """A repository of a hub."""

    schemes = ("hf",)
    example = "hf://org/name"
    pattern = f"(hf://)?{_NAME}/{_NAME}(@{REVISION})?"
    default_revision = DEFAULT_BRANCH

    @override
    def parse(self, text: str, revision: str | None) -> Source:
        source = self.parse_bare(text.removeprefix("hf://"), revision)
        if source is None:
            raise UnknownModel(
                f"{text!r} names no model of a hub.", remedy="Write hf://org/name or hf://org/name@revision."
            )
        return source

    @override
    def parse_bare(self, text: str, revision: str | None) -> Source | None:
        repository, at, named = text.partition("@")
        if not _is_repository(repository) or ".." in text or (at and not _REVISION.fullmatch(named)):
            return None
        if at and revision is not None and named != revision:
            raise UnknownModel(
                f"{text} names revision {named}, and --revision says {revision}.", remedy="Leave one of them out."
            )
        return Source(self, repository, revision or named or None)

    @override
    def list(self, source: Source, options: FetchOptions) -> Listing:
        from .hub_cache import list_cached  # noqa: PLC0415 - who serves lists nothing

        if not options.is_refresh:
            cached = list_cached(source, options.environment, allow_pickle=options.allow_pickle)
            if cached is not None:
                return cached
        refuse_network_variables(options.environment)
        from .hub_files import Hub  # noqa: PLC0415 - who finds it in a cache needs no client of a hub

        return Hub(options.environment, allow_pickle=options.allow_pickle).list(source)

    @override
    def locate(self, source: Source, environment: Mapping[str, str], settings: ModelSettings) -> ModelDirectory:
        from .hub_cache import locate_cached  # noqa: PLC0415 - only hubs need it

        return locate_cached(source, environment)

    @override
    def folder_name(self, location: str) -> str:
        return location.replace("/", "--")

    @override
    def served_name(self, location: str) -> str:
        return location


def _is_repository(text: str) -> bool:
    if not _REPOSITORY.fullmatch(text):
        return False
    refuse_unreadable(os.environ)
    # Imported late: it is slow, and starting without a hub needs none of it.
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415
    from huggingface_hub.utils import validate_repo_id  # noqa: PLC0415

    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    return True
