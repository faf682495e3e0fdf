"""Snapshots in a Hugging Face cache on this machine, written by whichever client or copied by hand."""

from __future__ import annotations

import re
from pathlib import Path

from ..checkpoint_files import CONFIG_FILE
from ..text_files import NotText, read_text
from .source import HUB_DEFAULT_REVISION

_SNAPSHOT = re.compile(r"[\w.-]+", re.ASCII)


def find_snapshot(cache: Path, repository: str, revision: str | None) -> Path | None:
    """The folder of a snapshot that has a config.json, or None.

    Args:
        cache: The cache's folder.
        repository: `org/name`.
        revision: Commit, branch or tag; None for the default branch.
    """
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - slow to import, and only hubs need it

    wanted = _meaning(cache / f"models--{repository.replace('/', '--')}" / "refs", revision) or revision
    found = try_to_load_from_cache(repository, CONFIG_FILE, cache_dir=cache, revision=wanted)
    # The third answer besides a path and None is a marker for "known to be absent".
    return Path(found).parent if isinstance(found, str) else None


def _meaning(references: Path, revision: str | None) -> str | None:
    """What a branch or tag means; the client takes the file as it is, with the line break that others end it with."""
    try:
        text = read_text(references / (revision or HUB_DEFAULT_REVISION)).strip()
    except NotText:
        return None
    return text if _SNAPSHOT.fullmatch(text) else None
