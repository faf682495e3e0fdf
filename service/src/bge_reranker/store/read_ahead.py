"""Reading a model's weights from the disk while the process still imports what will use them."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..checkpoint_files import weights_in
from ..errors import RerankerError
from ..settings import ModelSettings
from .resolve import resolve_model

_MOST_BYTES = 2**30
"""Bytes of one call, of which Linux takes less than 2 GiB."""


def read_ahead(settings: ModelSettings, environment: Mapping[str, str]) -> threading.Thread:
    """Start to read a model's weights; where there is nothing to read, nothing happens.

    Args:
        settings: Which model, and where it lies.
        environment: Where Hugging Face caches are looked for.

    Returns:
        The thread that reads; nobody need wait for it.
    """
    thread = threading.Thread(target=_read, args=(settings, environment), name="read-ahead", daemon=True)
    thread.start()
    return thread


def _read(settings: ModelSettings, environment: Mapping[str, str]) -> None:
    with suppress(RerankerError, OSError):
        folder = resolve_model(settings.source, environment, settings).path
        for name in weights_in(folder).files:
            _bring_in(folder / name)


def _bring_in(path: Path) -> None:
    """Wait until a file is in the kernel's page cache.

    By `sendfile`, which copies nothing and leaves the interpreter's lock alone: a loop of small reads would wait for it
    each time, while the main thread imports.
    """
    with path.open("rb", buffering=0) as file, Path(os.devnull).open("wb", buffering=0) as null:
        position = 0
        while count := os.sendfile(null.fileno(), file.fileno(), position, _MOST_BYTES):
            position += count
