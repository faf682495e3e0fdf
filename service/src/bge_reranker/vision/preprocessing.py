"""What becomes of a picture before the network sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What becomes of a picture, as a checkpoint's image processor says."""

    side: int
    """Pixels of the square that the network reads, cut out of the middle of the scaled picture."""

    scaled: int | tuple[int, int]
    """Pixels to which the shorter side is scaled, or width and height into which the picture is squeezed."""

    resample: int
    """Pillow's number of the filter."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def normalised(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scale and shift pixels: uint8 (N, side, side, 3) to float32 (N, 3, side, side)."""
        scaled = pixels.astype(np.float32) / np.float32(255)
        shifted = (scaled - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(shifted.transpose(0, 3, 1, 2))
