"""The scorer of dual encoders: CLIP's and SigLIP's networks, each side of a pair embedded by its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor

from ...engine.batch import DOCUMENT_PART, PICTURE_PART, Batch
from ...engine.scorer import ScorerDescription
from ...errors import CorruptFile
from ...settings import ModelSettings
from ..checkpoint.folder import Checkpoint
from ..checkpoint.tensor_files import MISMATCH_REMEDY, some_names
from ..families.dual import DualSizes, read_calibration, read_dual_sizes
from ..torch.device_errors import device_errors_reported
from ..torch.placement import Placement
from ..torch.preparation import load_within_memory, prepare_device
from .output import output_adopted

_CALL_PICTURES = 64
"""Most pictures of one call."""

_CALL_TEXTS = 256
"""Most texts of one call."""

_CLASSES = {"CLIPModel": transformers.CLIPModel, "SiglipModel": transformers.SiglipModel}

_CLIP_MIDDLE = 0.25
"""Cosine of a text and a picture that CLIP's published checkpoints give on the border between fitting and not: pictures
with their captions lie around 0.3, with others' around 0.15 to 0.2."""

_SAME_SLOPE, _SAME_MIDDLE = 20.0, 0.75
"""As assumed for two texts and for two pictures, where config.json has no calibration: none was published."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """What has to be embedded for a batch, each thing once, and which two of it each pair compares."""

    texts: list[NDArray[np.int32]]
    pictures: list[NDArray[np.uint8]]
    pairs: list[tuple[tuple[bool, int], tuple[bool, int]]]
    """For each side whether it is a picture, and its place in its list."""


class DualScorer:
    """Scores by the calibrated cosine of two embeddings.

    Args:
        model: CLIP or SigLIP, in evaluation mode.
        placement: Where it lies.
        checkpoint: What it was loaded from.
        mean: What is subtracted from each channel of a picture, whose values are between 0 and 1.
        std: What it is then divided by.
    """

    def __init__(
        self, model: Any, placement: Placement, checkpoint: Checkpoint, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        self._model = model
        self._placement = placement
        self._sizes: DualSizes = read_dual_sizes(checkpoint.config)
        self._is_siglip = checkpoint.architecture == "SiglipModel"
        device = placement.device
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).view(1, 3, 1, 1)
        self._lines = read_calibration(checkpoint.config) or self._assumed_calibration()
        pad = getattr(model.config.text_config, "pad_token_id", None)
        self._pad_token_id = int(pad) if isinstance(pad, int) and pad >= 0 else 0
        self.description = ScorerDescription(
            architecture=checkpoint.architecture,
            runtime=f"transformers {transformers.__version__}, torch {torch.__version__}",
            device=str(device),
            device_name=placement.device_name,
            precision=placement.precision.name,
            packed=False,
            max_pair_tokens=2 * max(self._sizes.text_tokens, self._sizes.picture_tokens),
            batch_invariant=False,
            vocabulary_size=int(model.config.text_config.vocab_size),
            calibration={kind: {"slope": slope, "bias": bias} for kind, (slope, bias) in self._lines.items()},
        )

    def warm_up(self, max_batch_tokens: int) -> None:
        """Run both networks once.

        Args:
            max_batch_tokens: Unused: no call is larger than the constants above.
        """
        del max_batch_tokens
        side = self._sizes.side
        with device_errors_reported(), torch.inference_mode():
            self._embed_texts([np.full(4, 1, dtype=np.int32)])
            self._embed_pictures([np.zeros((side, side, 3), dtype=np.uint8)])

    def score(self, batch: Batch) -> NDArray[np.float32]:
        """Compute the logits of a batch, as `Scorer.score` says."""
        sides = _sides_of(batch)
        with device_errors_reported(), torch.inference_mode():
            embedded = {False: self._embed_texts(sides.texts), True: self._embed_pictures(sides.pictures)}
            left, right = (
                torch.stack([embedded[is_picture][index] for is_picture, index in side])
                for side in zip(*sides.pairs, strict=True)
            )
            cosines = (left * right).sum(dim=-1).cpu().numpy()
        lines = np.array([self._lines[_kind(one, other)] for (one, _), (other, _) in sides.pairs], dtype=np.float32)
        logits: NDArray[np.float32] = lines[:, 0] * cosines + lines[:, 1]
        return logits

    def close(self) -> None:
        """Free the weights and what the device's allocator keeps."""
        del self._model
        if self._placement.device.type == "cuda":
            torch.cuda.empty_cache()

    def _assumed_calibration(self) -> dict[str, tuple[float, float]]:
        """The model's own scale between texts and pictures; between two of a kind nothing is known."""
        slope = float(self._model.logit_scale.detach().exp())
        bias = float(self._model.logit_bias.detach()) if self._is_siglip else -slope * _CLIP_MIDDLE
        same = (_SAME_SLOPE, -_SAME_SLOPE * _SAME_MIDDLE)
        return {"text_image": (slope, bias), "text_text": same, "image_image": same}

    def _embed_texts(self, texts: Sequence[NDArray[np.int32]]) -> Tensor:
        """Embed texts, of about equal lengths together: float32 (N, E) of length 1."""
        order = np.argsort([-len(text) for text in texts], kind="stable")
        parts = [
            self._text_call([texts[index] for index in order[start : start + _CALL_TEXTS]])
            for start in range(0, len(texts), _CALL_TEXTS)
        ]
        if not parts:
            return torch.zeros(0)
        embedded = torch.empty_like(found := torch.cat(parts))
        embedded[torch.from_numpy(order).to(found.device)] = found
        return embedded

    def _text_call(self, texts: Sequence[NDArray[np.int32]]) -> Tensor:
        # SigLIP was trained on texts padded to the full length, without a mask.
        width = self._sizes.text_tokens if self._is_siglip else max(map(len, texts))
        tokens = np.full((len(texts), width), self._pad_token_id, dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, text in enumerate(texts):
            tokens[row, : len(text)], mask[row, : len(text)] = text, 1
        inputs = {"input_ids": self._to_device(tokens)}
        if not self._is_siglip:
            inputs["attention_mask"] = self._to_device(mask)
        pooled = self._model.text_model(**inputs, return_dict=True).pooler_output
        return _unit(pooled if self._is_siglip else self._model.text_projection(pooled))

    def _embed_pictures(self, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Embed pictures: float32 (N, E) of length 1."""
        parts = []
        for start in range(0, len(pictures), _CALL_PICTURES):
            pixels = self._to_device(np.stack(pictures[start : start + _CALL_PICTURES])).permute(0, 3, 1, 2)
            values = ((pixels.float() / 255 - self._mean) / self._std).to(self._placement.dtype)
            pooled = self._model.vision_model(pixel_values=values, return_dict=True).pooler_output
            parts.append(_unit(pooled if self._is_siglip else self._model.visual_projection(pooled)))
        return torch.cat(parts) if parts else torch.zeros(0)

    def _to_device(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self._placement.device)


def load_dual_scorer(
    checkpoint: Checkpoint, settings: ModelSettings, gpus: int, mean: Sequence[float], std: Sequence[float]
) -> DualScorer:
    """Load a dual encoder onto the device that the settings name.

    Args:
        checkpoint: What to load.
        settings: Device, precision and threads.
        gpus: GPUs that torch can use.
        mean: Of each channel of a picture, as its processor has it.
        std: As `mean`.

    Raises:
        ModelError: If the checkpoint cannot be served; the subclass and its remedy say why.
        SettingsError: If the device is not there.
    """
    placement = prepare_device(settings, gpus)

    def load() -> DualScorer:
        return DualScorer(_load_model(checkpoint, placement), placement, checkpoint, mean, std)

    with output_adopted():
        return load_within_memory(checkpoint, placement, load)


def _load_model(checkpoint: Checkpoint, placement: Placement) -> Any:
    kind: Any = _CLASSES[checkpoint.architecture]
    directory: Path = checkpoint.directory
    try:
        model, report = kind.from_pretrained(
            directory,
            dtype=placement.dtype,
            use_safetensors=True,
            local_files_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise CorruptFile(
            f"{directory}: transformers cannot load {checkpoint.architecture} ({type(error).__name__}).",
            remedy=MISMATCH_REMEDY,
        ) from error
    for key, what in (("missing_keys", "lack"), ("mismatched_keys", "have other shapes for")):
        if found := sorted(entry if isinstance(entry, str) else entry[0] for entry in report[key]):
            raise CorruptFile(f"The weights {what} {some_names(found)}.", remedy=MISMATCH_REMEDY)
    return model.eval().to(placement.device)


def _unit(embedded: Tensor) -> Tensor:
    return torch.nn.functional.normalize(embedded.float(), dim=-1)


def _kind(is_picture: bool, is_other_picture: bool) -> str:  # noqa: FBT001 - the two sides of a pair
    if is_picture != is_other_picture:
        return "text_image"
    return "image_image" if is_picture else "text_text"


def _sides_of(batch: Batch) -> _Sides:
    """Divide pairs into their sides; what several pairs share, such as the query, is embedded once."""
    sides = _Sides([], [], [])
    texts: dict[bytes, int] = {}
    pictures: dict[int, int] = {}
    waiting = iter(batch.pictures)

    def place(tokens: NDArray[np.int32], types: NDArray[np.int8], *, is_shared: bool) -> tuple[bool, int]:
        if types[0] & PICTURE_PART:
            picture = next(waiting)
            key = id(picture)
            if key not in pictures:
                pictures[key] = len(sides.pictures)
                sides.pictures.append(picture)
            return True, pictures[key]
        content = tokens.tobytes()
        if not is_shared or content not in texts:
            texts[content] = len(sides.texts)
            sides.texts.append(tokens)
        return False, texts[content]

    for start, end in zip(batch.cu_seqlens[:-1], batch.cu_seqlens[1:], strict=True):
        tokens, types = batch.tokens[start:end], batch.types[start:end]
        query = int(np.count_nonzero((types & DOCUMENT_PART) == 0))
        # What measures throughput sends pairs of one part; it is computed as two.
        middle = query if query < len(tokens) else max(1, len(tokens) // 2)
        one = place(tokens[:middle], types[:middle], is_shared=query < len(tokens))
        other = place(tokens[middle:], types[middle:], is_shared=True) if middle < len(tokens) else one
        sides.pairs.append((one, other))
    return sides
