"""Reading a model's weights from the disk while the process still imports what will use them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress

from ..checkpoint_files import weights_in
from ..errors import RerankerError
from ..settings import ModelSettings
from .page_cache import bring_in_file
from .resolve import resolve_model


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
            bring_in_file(folder / name)
