"""Dual encoders: which there are, and what config.json says about their two networks. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ...checkpoint_json import USE_PUBLISHED
from ...errors import CorruptFile
from ...plain_numbers import finite_number

DUAL_ARCHITECTURES: Final[Mapping[str, str]] = {"CLIPModel": "clip", "SiglipModel": "siglip"}
"""Architectures of dual encoders with their model_type; others are no dual encoders for this server."""

_TEXT_TOKENS: Final = {"clip": 77, "siglip": 64}
_PATCH: Final = {"clip": 32, "siglip": 16}
_PAD: Final = {"clip": 1, "siglip": 1}
_CHANNELS: Final = 3
_SIDE: Final = 224
"""What the configuration classes assume where the file is silent."""

_LARGEST: Final = 4096
"""Most that a size may be."""

Lines = Mapping[str, tuple[float, float]]
"""For each kind of pair the slope and the bias that make a logit of a cosine."""

CALIBRATION_KEY: Final = "pair_calibration"
KINDS: Final = ("text_text", "text_image", "image_image")
"""Kinds of pairs, each with a calibration of its own."""


@dataclass(frozen=True, slots=True)
class DualSizes:
    """Sizes of the two networks."""

    text_tokens: int
    """Longest text in tokens."""

    side: int
    """Pixels of a picture's side."""

    picture_tokens: int
    """Patches, and the class token where there is one."""

    pad_id: int
    """Token that fills shorter texts up, where the tokenizer names none."""


@dataclass(frozen=True, slots=True)
class DualInputs:
    """What files beside config.json say about inputs of the two networks."""

    mean: tuple[float, ...]
    """What is subtracted from each channel of a picture, whose values are between 0 and 1."""

    std: tuple[float, ...]
    """What they are then divided by."""

    pad_id: int
    """Token that fills shorter texts up."""


def dual_architecture(config: Mapping[str, object]) -> str | None:
    """Name the dual encoder that a parsed config.json is of; None where it is of something else.

    A file without `architectures` is told by its model_type, as transformers does.
    """
    names = config.get("architectures")
    if not names:
        return next((name for name, kind in DUAL_ARCHITECTURES.items() if kind == config.get("model_type")), None)
    return next((name for name in DUAL_ARCHITECTURES if names == [name]), None)


def read_dual_sizes(config: Mapping[str, object]) -> DualSizes:
    """Take the sizes from a parsed config.json.

    Raises:
        CorruptFile: If one is no positive number, patches are larger than pictures, or these are not in colour.
    """
    model_type = str(config.get("model_type"))
    text, vision = _part(config, "text_config"), _part(config, "vision_config")
    channels = vision.get("num_channels", _CHANNELS)
    if channels != _CHANNELS:
        raise CorruptFile(
            f"config.json: vision_config.num_channels is {channels!r}; pictures have {_CHANNELS} here.",
            remedy="Serve a model of pictures in colour.",
        )
    text_tokens = _size(text, "text_config.max_position_embeddings", _TEXT_TOKENS[model_type])
    pad = text.get("pad_token_id", _PAD[model_type])
    side = _size(vision, "vision_config.image_size", _SIDE)
    patch = _size(vision, "vision_config.patch_size", _PATCH[model_type])
    if patch > side:
        raise CorruptFile(
            f"config.json: vision_config has patches of {patch} pixels and pictures of {side}.", remedy=USE_PUBLISHED
        )
    patches = (side // patch) ** 2
    pad_id = pad if isinstance(pad, int) and pad >= 0 else 0
    return DualSizes(text_tokens, side, patches + (model_type == "clip"), pad_id)


def read_calibration(config: Mapping[str, object]) -> Lines | None:
    """Slope and bias by kind of pair, where config.json has them.

    Raises:
        CorruptFile: If they are incomplete, or would turn the order around.
    """
    found = config.get(CALIBRATION_KEY)
    if found is None:
        return None
    lines = {}
    for kind in KINDS:
        entry = found.get(kind) if isinstance(found, dict) else None
        slope, bias = (finite_number(entry.get(key)) if isinstance(entry, dict) else None for key in ("slope", "bias"))
        if slope is None or bias is None or slope <= 0:
            raise CorruptFile(
                f"config.json: {CALIBRATION_KEY} needs a positive `slope` and a `bias` for each of {', '.join(KINDS)}.",
                remedy="Correct it, or leave it out.",
            )
        lines[kind] = slope, bias
    return lines


def _part(config: Mapping[str, object], key: str) -> Mapping[str, object]:
    """One network's values. Of CLIP, `<key>_dict` replaces `<key>` wholly, as files of 2022 have both.

    Source: `CLIPConfig.__post_init__` of transformers 5.23, where it brings the defaults for what it lacks.
    """
    if config.get("model_type") == "clip" and config.get(f"{key}_dict") is not None:
        key = f"{key}_dict"
    part = config.get(key)
    if part is not None and not isinstance(part, dict):
        raise CorruptFile(f"config.json: {key} is {part!r}; expected an object.", remedy=USE_PUBLISHED)
    return part or {}


def _size(part: Mapping[str, object], name: str, default: int) -> int:
    value = part.get(name.rpartition(".")[2], default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST:
        raise CorruptFile(f"config.json: {name} is {value!r}; expected 1 to {_LARGEST}.", remedy=USE_PUBLISHED)
    return value
