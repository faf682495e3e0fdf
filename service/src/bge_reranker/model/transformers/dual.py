"""The scorer of dual encoders: CLIP's and SigLIP's networks, each side of a pair embedded by its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor

from ...engine.batch import Batch
from ...engine.notes import Note, NoteKind
from ...engine.scorer import ScorerDescription
from ...settings import ModelSettings
from ..checkpoint.folder import Checkpoint
from ..families.dual import DualInputs, Lines, read_calibration, read_dual_sizes
from ..torch.device_errors import device_errors_reported
from ..torch.linear import LinearBody, PlainLinear, fast_linear
from ..torch.placement import Placement
from ..torch.preparation import load_within_memory, prepare_device
from .dual_sides import Pixels, Side, Sides, Tokens
from .fast_linears import FastLinears
from .model import load_model
from .output import output_adopted

_CALL_PICTURES = 64
"""Most pictures of one call."""

_CALL_TEXTS = 256
"""Most texts of one call."""

_CLIP_MIDDLE = 0.28
"""Cosine of a text and a picture on the border between fitting and not, as ViT-B/32 gives it.

Source: LAION-5B (Schuhmann et al. 2022), which dropped English pairs below it.
"""

_MOST_DIFFERENCE = 1e-4
"""Most that a number of an embedding of length 1 may differ between two bodies of linear layers."""

_SAME_SLOPE, _SAME_MIDDLE = 20.0, 0.75
"""As assumed for two texts and for two pictures where config.json has no calibration: nobody published one."""


class DualScorer:
    """Scores by the calibrated cosine of two embeddings.

    Args:
        model: CLIP or SigLIP, in evaluation mode.
        placement: Where it lies.
        checkpoint: What it was loaded from.
        inputs: What other files say about its inputs.
    """

    def __init__(self, model: Any, placement: Placement, checkpoint: Checkpoint, inputs: DualInputs) -> None:
        self._model = model
        self._placement = placement
        self._sizes = read_dual_sizes(checkpoint.config)
        self._is_siglip = checkpoint.architecture == "SiglipModel"
        self._pad_id = inputs.pad_id
        device = placement.device
        self._mean = torch.tensor(inputs.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(inputs.std, device=device).view(1, 3, 1, 1)
        self._blank: Pixels = np.zeros((self._sizes.side, self._sizes.side, 3), dtype=np.uint8)
        found = read_calibration(checkpoint.config)
        self._lines = found or self._assumed_calibration()
        self._description = ScorerDescription(
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
            notes=() if found else (self._assumption(),),
        )

    @property
    def description(self) -> ScorerDescription:
        """What scores."""
        return self._description

    def warm_up(self, max_batch_tokens: int) -> None:
        """Run both networks, with torch's linear layers and with the fast ones, which are kept if they agree.

        Args:
            max_batch_tokens: Unused: no call is larger than the constants above.
        """
        del max_batch_tokens
        body = fast_linear(self._placement)
        with device_errors_reported(), torch.inference_mode():
            plain = self._embed_trial()
            if not isinstance(body, PlainLinear):
                self._use(body, plain)
        if self._placement.is_cpu:
            self._description = replace(self._description, threads=torch.get_num_threads())

    def _use(self, body: LinearBody[Any], plain: Tensor) -> None:
        exchanged, objection = FastLinears(self._model, body), ""
        try:
            difference = float((self._embed_trial() - plain).abs().max())
            if not difference <= _MOST_DIFFERENCE:
                objection = f"embeddings differ by {difference:.1e}"
        except RuntimeError as error:
            objection = type(error).__name__
        if objection:
            exchanged.take_back()
            facts = {"body": body.name, "computation": "linear layers", "objection": objection}
            notes = (*self._description.notes, Note(NoteKind.BODY_REPLACED, facts))
            self._description = replace(self._description, notes=notes)

    def _embed_trial(self) -> Tensor:
        """Embed two texts and two pictures."""
        noise = np.random.default_rng(1).integers(0, 256, self._blank.shape, dtype=np.uint8)
        texts = [np.arange(1, 1 + min(length, self._sizes.text_tokens), dtype=np.int32) for length in (2, 8)]
        return torch.cat([self._embed_texts(texts), self._embed_pictures([self._blank, noise])])

    def warm_up_further(self) -> bool:
        """Nothing is left to run: no shape is compiled."""
        return False

    def score(self, batch: Batch) -> NDArray[np.float32]:
        """Compute the logits of a batch, as `Scorer.score` says."""
        sides = Sides.of(batch, self._sizes.text_tokens, self._blank)
        with device_errors_reported(), torch.inference_mode():
            texts, pictures = self._embed_texts(sides.texts), self._embed_pictures(sides.pictures)
            embedded = torch.cat([texts, pictures])
            left, right = (
                [side.place + len(texts) * side.is_picture for side in part] for part in zip(*sides.pairs, strict=True)
            )
            cosines = (embedded[left] * embedded[right]).sum(dim=-1).cpu().numpy()
        lines = np.array([self._lines[_kind(*pair)] for pair in sides.pairs], dtype=np.float32)
        logits: NDArray[np.float32] = lines[:, 0] * cosines + lines[:, 1]
        return logits

    def close(self) -> None:
        """Free the weights and what the device's allocator keeps."""
        del self._model
        if self._placement.device.type == "cuda":
            torch.cuda.empty_cache()

    def _assumed_calibration(self) -> Lines:
        """The model's own scale between texts and pictures; between two of a kind nothing is known."""
        slope = float(self._model.logit_scale.detach().exp())
        bias = float(self._model.logit_bias.detach()) if self._is_siglip else -slope * _CLIP_MIDDLE
        same = (_SAME_SLOPE, -_SAME_SLOPE * _SAME_MIDDLE)
        return {"text_image": (slope, bias), "text_text": same, "image_image": same}

    def _assumption(self) -> Note:
        same = "two texts and of two pictures"
        return Note(NoteKind.CALIBRATION_ASSUMED, {"kinds": same if self._is_siglip else "all pairs"})

    def _embed_texts(self, texts: Sequence[Tokens]) -> Tensor:
        """Embed texts, of about equal lengths together: float32 (N, E) of length 1."""
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        embedded = torch.empty(len(texts), self._embedding_size, device=self._placement.device)
        for start in range(0, len(texts), _CALL_TEXTS):
            call = order[start : start + _CALL_TEXTS]
            embedded[call] = self._text_call([texts[index] for index in call])
        return embedded

    def _text_call(self, texts: Sequence[Tokens]) -> Tensor:
        # SigLIP was trained on texts padded to the full length, without a mask.
        width = self._sizes.text_tokens if self._is_siglip else max(map(len, texts))
        tokens = np.full((len(texts), width), self._pad_id, dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, text in enumerate(texts):
            tokens[row, : len(text)], mask[row, : len(text)] = text, 1
        inputs = {"input_ids": self._to_device(tokens)}
        if not self._is_siglip:
            inputs["attention_mask"] = self._to_device(mask)
        pooled = self._model.text_model(**inputs, return_dict=True).pooler_output
        return _unit(pooled if self._is_siglip else self._model.text_projection(pooled))

    def _embed_pictures(self, pictures: Sequence[Pixels]) -> Tensor:
        """Embed pictures: float32 (N, E) of length 1."""
        embedded = torch.empty(len(pictures), self._embedding_size, device=self._placement.device)
        for start in range(0, len(pictures), _CALL_PICTURES):
            pixels = self._to_device(np.stack(pictures[start : start + _CALL_PICTURES])).permute(0, 3, 1, 2)
            values = ((pixels.float() / 255 - self._mean) / self._std).to(self._placement.dtype)
            pooled = self._model.vision_model(pixel_values=values, return_dict=True).pooler_output
            embedded[start : start + len(pixels)] = _unit(
                pooled if self._is_siglip else self._model.visual_projection(pooled)
            )
        return embedded

    @property
    def _embedding_size(self) -> int:
        config = self._model.config
        return int(config.vision_config.hidden_size if self._is_siglip else config.projection_dim)

    def _to_device(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self._placement.device)


def load_dual_scorer(checkpoint: Checkpoint, settings: ModelSettings, gpus: int, inputs: DualInputs) -> DualScorer:
    """Load a dual encoder onto the device that the settings name.

    Args:
        checkpoint: What to load.
        settings: Device, precision and threads.
        gpus: GPUs that torch can use.
        inputs: What other files say about its inputs.

    Raises:
        ModelError: If the checkpoint cannot be served; the subclass and its remedy say why.
        SettingsError: If the device is not there.
    """
    placement = prepare_device(settings, gpus)

    def load() -> DualScorer:
        return DualScorer(load_model(checkpoint, placement, transformers.AutoModel), placement, checkpoint, inputs)

    with output_adopted():
        return load_within_memory(checkpoint, placement, load)


def _unit(embedded: Tensor) -> Tensor:
    return torch.nn.functional.normalize(embedded.float(), dim=-1)


def _kind(one: Side, other: Side) -> str:
    if one.is_picture != other.is_picture:
        return "text_image"
    return "image_image" if one.is_picture else "text_text"
