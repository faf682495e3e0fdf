"""Why a fine-tuning run ends without a model."""

from __future__ import annotations

from ..errors import RerankerError


class TrainingFailed(RerankerError):
    """Training went wrong; nothing was written."""


class TrainingInterrupted(RerankerError):
    """Training was told to end; what it did is kept, and the same command goes on."""

    exit_code = 75
    """EX_TEMPFAIL: the same command is worth another try."""
