"""What image processors of transformers make of a picture, beside what is made of it here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers

from bge_reranker.vision.decoding import decode
from bge_reranker.vision.image_processor import read_preprocessing
from bge_reranker.vision.limits import PictureLimits

from .tiny import file_of, picture

LIMITS = PictureLimits(max_bytes=10_000_000, max_pixels=10_000_000)

PROCESSORS: dict[str, tuple[str, dict[str, Any], int]] = {
    "clip, all by default": ("clip", {}, 224),
    "siglip, all by default": ("siglip", {}, 224),
    "the type of the other": ("clip", {"image_processor_type": "SiglipImageProcessor"}, 224),
    "an old name": ("siglip", {"feature_extractor_type": "CLIPFeatureExtractor"}, 224),
    "nulls": ("clip", {"size": {"height": 32, "width": 32}, "do_center_crop": None, "crop_size": None}, 32),
    "numbers as sizes": ("clip", {"size": 40, "crop_size": 32}, 32),
    "a list of height and width": ("siglip", {"size": [32, 32]}, 32),
    "squeezed before the crop": ("clip", {"size": {"height": 80, "width": 60}, "crop_size": 48}, 48),
    "cut out of siglip's": ("siglip", {"size": {"shortest_edge": 40}, "do_center_crop": True, "crop_size": 32}, 32),
    "a crop beyond the picture": ("clip", {"size": {"shortest_edge": 30}, "crop_size": 40}, 40),
    "one number for all channels": ("siglip", {"image_mean": 0.25, "image_std": 0.75}, 224),
}


@pytest.mark.parametrize("file", ["preprocessor_config.json", "processor_config.json"])
@pytest.mark.parametrize(("family", "values", "side"), PROCESSORS.values(), ids=PROCESSORS.keys())
def test_a_file_means_what_it_means_to_transformers(
    tmp_path: Path, family: str, values: dict[str, Any], side: int, file: str
) -> None:
    image = picture(3, (100, 60))
    named = str(values.get("image_processor_type") or values.get("feature_extractor_type") or family)
    is_clip = named.lower().startswith("clip")
    kind = transformers.CLIPImageProcessorPil if is_clip else transformers.SiglipImageProcessorPil
    names = {key: value for key, value in values.items() if not key.endswith("_type")}
    expected = kind(**names)(images=image, return_tensors="np")["pixel_values"]
    empty: dict[str, Any] = {
        "preprocessor_config.json": {},
        "processor_config.json": {"processor_class": "CLIPProcessor"},
    }
    files = empty | {file: {"image_processor": values} if file.startswith("processor") else values}
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))

    found = read_preprocessing(tmp_path, side, family)

    assert np.abs(found.normalised(decode(file_of(image), LIMITS, found)[None]) - expected).max() < 1e-5


def test_what_a_processor_saves_is_read(tmp_path: Path) -> None:
    transformers.CLIPImageProcessorPil(size=20, crop_size=16, image_mean=[0.1, 0.2, 0.3]).save_pretrained(tmp_path)

    found = read_preprocessing(tmp_path, 16, "siglip")

    assert (found.scaled, found.mean) == (20, (0.1, 0.2, 0.3))
