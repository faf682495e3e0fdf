"""Options that the commands of `bge-reranker model` share: a model by name, with the settings that find it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...configuration import load_settings
from ...errors import SettingsError
from ...settings import ModelSettings, Settings
from ..setting_options import field_options, given_flags

if TYPE_CHECKING:
    from ...store.model_directory import ModelDirectory

WHERE_OPTIONS = field_options("revision", "cache_dir", "claims_dir")
"""Options that find a model."""


def effective_settings(context: click.Context, model: str | None) -> Settings:
    """The settings of this command line: defaults, environment, flags, and the model that was named."""
    flags: dict[str, Any] = dict(given_flags(context))
    if model is not None:
        flags["model"] = model
    return load_settings(None, os.environ, flags)


def find_model(settings: ModelSettings) -> ModelDirectory:
    """The model's folder.

    Raises:
        UnknownModel: If it is not there.
    """
    from ...store.resolve import resolve_model  # noqa: PLC0415 - a wrong option answers at once

    return resolve_model(settings.source, os.environ, settings)


def store_directory(settings: ModelSettings) -> Path:
    """The store's folder.

    Raises:
        SettingsError: If none is set.
    """
    if settings.cache_dir is None:
        raise SettingsError(
            "No store is named.", remedy="Give --dir, or set BGE_RERANKER_CACHE_DIR (model.cacheDir in a file)."
        )
    from ...store.home import expanded  # noqa: PLC0415 - a wrong option answers at once

    return expanded(settings.cache_dir)
