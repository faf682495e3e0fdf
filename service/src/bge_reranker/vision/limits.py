"""How large a picture may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Bounds of one picture."""

    max_bytes: int
    """Most bytes of its file."""

    max_pixels: int
    """Most pixels that it may say it has."""
