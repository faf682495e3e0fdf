"""Removing old versions: never one that a server holds, never one that is being fetched."""

from __future__ import annotations

import shutil
from pathlib import Path

from .lease import leased_keys
from .lock import age_s, is_stale, put_away_if_stale
from .manifest import MANIFEST_FILE
from .paths import LOCK_SUFFIX, REFERENCES, STAGING_SUFFIX, Store, Version, unwritable

_ABANDONED_S = 7 * 86_400.0
"""Seconds after which an unfinished fetch that nobody goes on with is given up."""


def prune(directory: Path, keep: int, *, only: str | None = None) -> list[Version]:
    """Remove all but the newest versions of each model.

    Args:
        directory: The store's.
        keep: Versions that stay, beside those in use.
        only: The one model to look at; None for all.

    Returns:
        What was removed.

    Raises:
        DiskFull: Never; SettingsError: if the store cannot be written.
    """
    removed: list[Version] = []
    seen: dict[str, int] = {}
    try:
        for version in list(Store(directory).versions()):
            if only is not None and version.name != only:
                continue
            seen[version.name] = seen.get(version.name, 0) + 1
            is_old = seen[version.name] > keep and not _is_being_fetched(version)
            if is_old and not _is_held(version, directory) and _remove(version, directory):
                removed.append(version)
        _remove_abandoned(directory, only)
    except OSError as error:
        raise unwritable(directory, error) from error
    return removed


def _is_being_fetched(version: Version) -> bool:
    lock = version.path.with_name(f".{version.path.name}{LOCK_SUFFIX}")
    return lock.exists() and not is_stale(lock)


def _is_held(version: Version, directory: Path) -> bool:
    return version.key in set(leased_keys(directory))


def _remove(version: Version, directory: Path) -> bool:
    """Take a version away, its manifest first: what is left of it by a kill is no version.

    Returns:
        Whether it is gone: a server may have found it just before its manifest was, and then it comes back.
    """
    manifest = version.path / MANIFEST_FILE
    hidden = manifest.with_name(f".{MANIFEST_FILE}.pruned")
    manifest.rename(hidden)
    if _is_held(version, directory):
        hidden.rename(manifest)
        return False
    shutil.rmtree(version.path)
    for reference in (version.path.parent / REFERENCES).glob("*"):
        if reference.is_file() and reference.read_text(encoding="utf-8", errors="replace") == version.key:
            reference.unlink()
    return True


def _remove_abandoned(directory: Path, only: str | None) -> None:
    for staging in directory.glob(f"{only or '*'}/.*{STAGING_SUFFIX}"):
        lock = staging.with_name(staging.name.removesuffix(STAGING_SUFFIX) + LOCK_SUFFIX)
        if not (lock.exists() and not is_stale(lock)) and age_s(staging) > _ABANDONED_S:
            shutil.rmtree(staging)
    for lock in directory.glob(f"{only or '*'}/.*{LOCK_SUFFIX}"):
        # Of a fetcher that was killed when its work was done.
        put_away_if_stale(lock)
