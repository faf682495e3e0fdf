"""Why a fine-tuning run ends without a model."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from ..errors import DiskFull, RerankerError


class TrainingFailed(RerankerError):
    """Training went wrong; nothing was written."""


class TrainingInterrupted(RerankerError):
    """Training was told to end; what it did is kept, and the same command goes on."""

    exit_code = 75
    """EX_TEMPFAIL: the same command is worth another try."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def full_disk_reported(folder: Path) -> Iterator[None]:
    """Say in our words that a volume took no more of what libraries write to it.

    Raises:
        DiskFull: If so.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if not _says_full(error):
            raise
        raise DiskFull(
            f"{folder}: no room is left on its volume.",
            remedy="Free some; the same command goes on from the last checkpoint. Or name an --output elsewhere.",
            figures={"path": str(folder)},
        ) from error


def _says_full(error: Exception) -> bool:
    """Whether a full volume or quota is meant: safetensors writes its number into a text, torch gives no reason."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    text = str(error)
    return any(f"(os error {number})" in text for number in _FULL) or "enforce fail at inline_container" in text
