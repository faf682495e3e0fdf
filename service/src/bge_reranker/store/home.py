"""Paths that begin in a home directory, which a user of a container may not have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import SettingsError


def expanded(path: str) -> Path:
    """A path with `~` replaced.

    Raises:
        SettingsError: If it begins with `~`, and there is no home directory.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"{path} begins in a home directory, and user {os.getuid()} has none here.",
            remedy="Set HOME, or write the whole path.",
        ) from None


def home_directory(environment: Mapping[str, str]) -> Path | None:
    """The home directory, or None where there is none."""
    if home := environment.get("HOME"):
        return Path(home)
    try:
        return Path.home()
    except RuntimeError:
        return None
