"""How a model wants its pictures: what preprocessor_config.json says, applied as transformers does.

Source: `CLIPImageProcessor` and `SiglipImageProcessor` of transformers 5.23.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoint_json import USE_PUBLISHED, read_json_object
from ..errors import CorruptFile

PROCESSOR_FILE = "preprocessor_config.json"
_CHANNELS = 3
_BICUBIC = 3
_RESAMPLES = frozenset({0, 1, 2, 3, 4, 5})
"""Numbers by which Pillow knows its filters."""

_LARGEST_SIDE = 2048
"""Longest side in pixels that a model may ask for."""


_ALWAYS = ("do_resize", "do_rescale", "do_normalize")


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What becomes of a picture before the network sees it."""

    side: int
    """Pixels of the square that the network reads."""

    shortest_edge: int | None
    """Pixels to which the shorter side is scaled before the middle is cut out; None: the picture is squeezed."""

    resample: int
    """Pillow's number of the filter."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def read(cls, directory: Path, side: int) -> Preprocessing:
        """Read a checkpoint's file.

        Args:
            directory: The checkpoint.
            side: Pixels of the square that config.json says the network reads.

        Raises:
            CorruptFile: If the file is missing, or says something that is not done here.
        """
        if not (directory / PROCESSOR_FILE).is_file():
            raise CorruptFile(
                f"{directory}: no {PROCESSOR_FILE} there, which says how pictures are scaled.", remedy=USE_PUBLISHED
            )
        values = read_json_object(directory / PROCESSOR_FILE)
        _refuse_other_steps(values)
        size = values.get("size", side)
        edge = _edge(size)
        crop = _square(values.get("crop_size", side)) if values.get("do_center_crop") else None
        if (crop if edge is not None else _square(size)) != side or side > _LARGEST_SIDE:
            raise CorruptFile(
                f"{PROCESSOR_FILE} makes no square of {side} pixels, which config.json asks for: size {size!r}, "
                f"crop_size {values.get('crop_size')!r}.",
                remedy=USE_PUBLISHED,
            )
        resample = values.get("resample", _BICUBIC)
        if resample not in _RESAMPLES:
            raise CorruptFile(f"{PROCESSOR_FILE}: resample is {resample!r}; expected 0 to 5.", remedy=USE_PUBLISHED)
        return cls(side, edge, int(resample), _numbers(values, "image_mean"), _numbers(values, "image_std"))

    def normalised(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scale and shift pixels: uint8 (N, side, side, 3) to float32 (N, 3, side, side)."""
        scaled = pixels.astype(np.float32) / np.float32(255)
        shifted = (scaled - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(shifted.transpose(0, 3, 1, 2))


def _refuse_other_steps(values: Mapping[str, Any]) -> None:
    """Refuse a file that leaves out or changes what is always done here: its model was trained on other numbers."""
    for key in _ALWAYS:
        if values.get(key) is False:
            raise CorruptFile(
                f"{PROCESSOR_FILE}: {key} is false; pictures are always resized, divided by 255 and normalised here.",
                remedy=USE_PUBLISHED,
            )
    factor = values.get("rescale_factor", 1 / 255)
    if not isinstance(factor, int | float) or not isclose(factor, 1 / 255, rel_tol=1e-6):
        raise CorruptFile(f"{PROCESSOR_FILE}: rescale_factor is {factor!r}; expected 1/255.", remedy=USE_PUBLISHED)


def _edge(size: Any) -> int | None:
    if isinstance(size, Mapping):
        size = size.get("shortest_edge")
    return size if isinstance(size, int) else None


def _square(size: Any) -> int | None:
    if isinstance(size, Mapping):
        height, width = size.get("height"), size.get("width")
        return height if isinstance(height, int) and height == width else None
    return size if isinstance(size, int) else None


def _numbers(values: Mapping[str, Any], key: str) -> tuple[float, ...]:
    found = values.get(key)
    if (
        not isinstance(found, list)
        or len(found) != _CHANNELS
        or not all(isinstance(number, int | float) for number in found)
        or (key == "image_std" and not all(found))
    ):
        raise CorruptFile(f"{PROCESSOR_FILE}: {key} is {found!r}; expected three numbers.", remedy=USE_PUBLISHED)
    return tuple(map(float, found))
