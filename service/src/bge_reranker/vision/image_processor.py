"""What a checkpoint's files say about its image processor, completed by the defaults of transformers.

Source: `CLIPImageProcessor` and `SiglipImageProcessor` of transformers 5.23.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any, Final

from ..checkpoint_json import USE_PUBLISHED, read_json_object
from ..errors import CorruptFile
from ..plain_numbers import finite_number
from .preprocessing import Preprocessing

IMAGE_PROCESSOR_FILE = "preprocessor_config.json"
PROCESSOR_FILE = "processor_config.json"
"""What `CLIPProcessor.save_pretrained` writes; where it describes an image processor, that description counts."""

_CHANNELS = 3
_RESAMPLES = frozenset(range(6))
"""Numbers by which Pillow knows its filters."""

_LARGEST_SIDE = 2048
"""Longest side in pixels that a model may ask for, or to which pictures may be scaled on the way."""

_ALWAYS = ("do_resize", "do_rescale", "do_normalize")
_NEVER = ("do_pad",)

_FAMILIES: Final[Mapping[str, str]] = {"CLIP": "clip", "Siglip": "siglip"}
_ENDINGS = ("ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "FeatureExtractor")
"""Names of image processors are one of the former and one of the latter."""

_COMMON: Final[Mapping[str, Any]] = {"resample": 3, "rescale_factor": 1 / 255}
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "clip": {
        **_COMMON,
        "size": {"shortest_edge": 224},
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    },
    "siglip": {
        **_COMMON,
        "size": {"height": 224, "width": 224},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    },
}
"""By model_type what its image processor assumes where the file is silent; a null there leaves the step out."""


def read_preprocessing(directory: Path, side: int, model_type: str) -> Preprocessing:
    """Read how a checkpoint wants its pictures.

    Args:
        directory: The checkpoint.
        side: Pixels of the square that config.json says the network reads.
        model_type: Of config.json; its image processor is meant where the file names none.

    Raises:
        CorruptFile: If the file is missing, or says something that is not done here.
    """
    nested = read_json_object(directory / PROCESSOR_FILE, is_optional=True).get("image_processor")
    if isinstance(nested, dict):
        return _Values.of(PROCESSOR_FILE, nested, model_type).preprocessing(side)
    if not (directory / IMAGE_PROCESSOR_FILE).is_file():
        raise CorruptFile(
            f"{directory}: no {IMAGE_PROCESSOR_FILE} there, which says how pictures are scaled.", remedy=USE_PUBLISHED
        )
    values = read_json_object(directory / IMAGE_PROCESSOR_FILE)
    return _Values.of(IMAGE_PROCESSOR_FILE, values, model_type).preprocessing(side)


@dataclass(frozen=True, slots=True)
class _Values:
    """An image processor's values with its defaults, and the file that they are from."""

    file: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, file: str, values: Mapping[str, Any], model_type: str) -> _Values:
        named = values.get("image_processor_type") or values.get("feature_extractor_type")
        if named:
            found = [family for start, family in _FAMILIES.items() for end in _ENDINGS if named == start + end]
            if not found:
                raise CorruptFile(
                    f"{file}: image_processor_type is {named!r}; expected CLIPImageProcessor or SiglipImageProcessor.",
                    remedy=USE_PUBLISHED,
                )
            model_type = found[0]
        return cls(file, {**_DEFAULTS[model_type], **values})

    def preprocessing(self, side: int) -> Preprocessing:
        self._refuse_other_steps()
        resample = self.values["resample"]
        if resample not in _RESAMPLES:
            raise self._wrong("resample", "0 to 5")
        return Preprocessing(
            side, self._scaled(side), int(resample), self._numbers("image_mean"), self._numbers("image_std")
        )

    def _refuse_other_steps(self) -> None:
        """Refuse a file that leaves out or changes what is always done here: its model was trained on other numbers."""
        for key, is_done in (*((key, True) for key in _ALWAYS), *((key, False) for key in _NEVER)):
            if bool(self.values.get(key, is_done)) != is_done:
                raise CorruptFile(
                    f"{self.file}: {key} is {json.dumps(self.values[key])}; pictures are always resized, divided by "
                    "255 and normalised here, and never padded.",
                    remedy=USE_PUBLISHED,
                )
        factor = finite_number(self.values["rescale_factor"])
        if factor is None or not isclose(factor, 1 / 255, rel_tol=1e-6):
            raise self._wrong("rescale_factor", "1/255")

    def _scaled(self, side: int) -> int | tuple[int, int]:
        scaled = self._size()
        cut = self._crop() if self.values.get("do_center_crop") else None
        if cut is None and isinstance(scaled, int):
            raise CorruptFile(
                f"{self.file} scales the shorter side to {scaled} pixels and cuts no square out (do_center_crop is "
                f"false or missing); config.json asks for a square of {side} pixels.",
                remedy=USE_PUBLISHED,
            )
        made = cut or scaled
        if made != (side, side) or side > _LARGEST_SIDE:
            raise CorruptFile(
                f"{self.file} makes no square of {side} pixels, which config.json asks for: size "
                f"{self.values['size']!r}, " + (f"crop_size {self.values['crop_size']!r}." if cut else "no crop."),
                remedy=USE_PUBLISHED,
            )
        return scaled

    def _size(self) -> int | tuple[int, int]:
        size = self.values["size"]
        if isinstance(size, Mapping) and set(size) == {"shortest_edge"}:
            size = size["shortest_edge"]
        found = size if _is_side(size) else _rectangle(size)
        if found is None:
            raise self._wrong("size", f"shortest_edge, or height and width, of 1 to {_LARGEST_SIDE} pixels")
        return found

    def _crop(self) -> tuple[int, int]:
        size = self.values.get("crop_size")
        found = _rectangle([size, size] if isinstance(size, int) else size)
        if found is None:
            raise self._wrong("crop_size", f"height and width of 1 to {_LARGEST_SIDE} pixels")
        return found

    def _numbers(self, key: str) -> tuple[float, ...]:
        """Three numbers; one stands for all channels."""
        given = self.values[key]
        found = list(map(finite_number, given if isinstance(given, list) else [given] * _CHANNELS))
        numbers = tuple(number for number in found if number is not None)
        if not len(found) == len(numbers) == _CHANNELS or (key == "image_std" and not all(numbers)):
            raise self._wrong(key, "three numbers")
        return numbers

    def _wrong(self, key: str, expected: str) -> CorruptFile:
        return CorruptFile(
            f"{self.file}: {key} is {self.values.get(key)!r}; expected {expected}.", remedy=USE_PUBLISHED
        )


def _rectangle(size: Any) -> tuple[int, int] | None:
    """Width and height in pixels of an object with these, or of a list of height and width."""
    if isinstance(size, Mapping) and set(size) == {"height", "width"}:
        size = [size["height"], size["width"]]
    if isinstance(size, Sequence) and len(size) == 2 and all(map(_is_side, size)):  # noqa: PLR2004 - two sides
        return size[1], size[0]
    return None


def _is_side(value: Any) -> bool:
    return type(value) is int and 1 <= value <= _LARGEST_SIDE
