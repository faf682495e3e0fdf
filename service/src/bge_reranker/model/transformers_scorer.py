"""The scorer for every other one-logit architecture: transformers computes it, over padded batches.

What belongs here: loading through transformers without remote code or pickles, padding, the description. What must
not: the families of the packed network, unless a field of theirs makes them differ from it.
"""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from ..engine.batch import Batch, pack
from ..engine.scorer import ScorerDescription
from ..errors import CorruptFile, MissingHead, WrongArchitecture
from .checkpoint import HEAD_REMEDY, Checkpoint
from .device_errors import device_errors_reported
from .memory import memory_shortage_reported
from .placement import Placement
from .probes import PROBE_SEED, disagreement, is_batch_invariant, probe_pairs

MAX_PADDED_TOKENS = 8_192
"""Most tokens of one call, padding included; a batch of the engine is computed in as many calls as it takes."""

DEFAULT_MAX_PAIR_TOKENS = 512
"""Longest pair where config.json names no finite number of positions."""

POSITIONS_AFTER_PADDING = frozenset("camembert data2vec-text mpnet roberta xlm-roberta xlm-roberta-xl xmod".split())
"""Values of model_type that count positions from `pad_token_id + 1`."""


class TransformersScorer:
    """Scores with a model of transformers, longest pairs first, padded on the right with a mask."""

    def __init__(
        self,
        model: transformers.PreTrainedModel,
        placement: Placement,
        description: ScorerDescription,
        pad_token_id: int,
    ) -> None:
        """Take over a loaded model.

        Args:
            model: Sequence classifier with one logit, in evaluation mode.
            placement: Where it lies.
            description: What it is; notes say why it is not packed.
            pad_token_id: Token behind the end of shorter pairs.
        """
        self._model = model
        self._placement = placement
        self._description = description
        self._pad_token_id = pad_token_id
        self._vocabulary_size = int(model.config.vocab_size)
        self._max_call_tokens = MAX_PADDED_TOKENS
        self._takes_types = "token_type_ids" in inspect.signature(model.forward).parameters

    @property
    def description(self) -> ScorerDescription:
        """What scores; final once `warm_up` has returned."""
        return self._description

    def warm_up(self, max_batch_tokens: int) -> None:
        """Compare padded scores with those of each pair alone, and stop padding where they disagree.

        Args:
            max_batch_tokens: Unused: no call is larger than `MAX_PADDED_TOKENS`.
        """
        del max_batch_tokens
        vocabulary, longest = self._vocabulary_size, self._description.max_pair_tokens
        pairs = probe_pairs(vocabulary, longest, first_token=self._pad_token_id + 1)
        companions = probe_pairs(vocabulary, longest, PROBE_SEED + 1, first_token=self._pad_token_id + 1)
        alone = np.concatenate([self.score(pack([pair])) for pair in pairs])
        objection = disagreement(self.score(pack(pairs)), alone, self._placement.precision)
        notes = self._description.notes
        if objection is not None:
            self._max_call_tokens = 0
            notes += (f"every pair is computed alone, since padding changes the scores: {objection}",)
        invariant = is_batch_invariant(self.score, pairs, companions)
        self._description = replace(self._description, batch_invariant=invariant, notes=notes)

    def score(self, batch: Batch) -> NDArray[np.float32]:
        """Compute the logits of a batch, as `Scorer.score` says.

        Raises:
            ScorerOutOfMemory: If the device has no room for the batch.
            ScorerLost: If the device computes nothing any more.
        """
        order = np.argsort(-np.diff(batch.cu_seqlens), kind="stable")
        logits = np.empty(len(batch), dtype=np.float32)
        with device_errors_reported(), torch.inference_mode():
            for chosen in self._calls(batch, order):
                logits[chosen] = self._call(batch, chosen)
        return logits

    def close(self) -> None:
        """Free the weights and what the device's allocator keeps."""
        del self._model
        if self._placement.device.type == "cuda":
            torch.cuda.empty_cache()

    def _calls(self, batch: Batch, order: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Cut pairs, longest first, into calls of at most `MAX_PADDED_TOKENS`, or of one pair each."""
        calls, start = [], 0
        while start < len(order):
            longest = int(batch.cu_seqlens[order[start] + 1] - batch.cu_seqlens[order[start]])
            count = max(1, self._max_call_tokens // longest)
            calls.append(order[start : start + count])
            start += count
        return calls

    def _call(self, batch: Batch, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Compute float32 (n,) for the chosen pairs, whose first is the longest."""
        bounds = [(int(batch.cu_seqlens[index]), int(batch.cu_seqlens[index + 1])) for index in chosen]
        shape = (len(bounds), bounds[0][1] - bounds[0][0])
        tokens = np.full(shape, self._pad_token_id, dtype=np.int64)
        types, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, (start, end) in enumerate(bounds):
            tokens[row, : end - start], mask[row, : end - start] = batch.tokens[start:end], 1
            types[row, : end - start] = batch.types[start:end]
        inputs = {"input_ids": self._to_device(tokens), "attention_mask": self._to_device(mask)}
        if self._takes_types:
            inputs["token_type_ids"] = self._to_device(types)
        logits: NDArray[np.float32] = self._model(**inputs).logits[:, 0].float().cpu().numpy()
        return logits

    def _to_device(self, values: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(values).to(self._placement.device)


def require_known_architecture(checkpoint: Checkpoint) -> None:
    """Compare the configuration with what this version of transformers computes, before any weight is read.

    Raises:
        WrongArchitecture: If it does not know the architecture.
    """
    model_type = checkpoint.config.get("model_type")
    known = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.get(str(model_type))
    if known != checkpoint.architecture:
        raise WrongArchitecture(
            f"config.json: model_type {model_type!r} with {checkpoint.architecture}; transformers "
            f"{transformers.__version__} computes {known or 'no sequence classifier'} for it.",
            remedy="Serve an architecture that transformers knows, or install a version that does.",
        )


def load_transformers_scorer(checkpoint: Checkpoint, placement: Placement) -> TransformersScorer:
    """Load a checkpoint that the packed network does not compute.

    Raises:
        MissingHead: If tensors of the head are not in the files; transformers would fill them with random numbers.
        CorruptFile: If other tensors are missing, or files cannot be read.
    """
    model = _load_model(checkpoint, placement)
    return TransformersScorer(model, placement, _describe(checkpoint, placement), _pad_token_id(checkpoint))


def _load_model(checkpoint: Checkpoint, placement: Placement) -> transformers.PreTrainedModel:
    try:
        # Torch reports a shortage as a RuntimeError, which would pass for a broken file.
        with memory_shortage_reported():
            model, report = transformers.AutoModelForSequenceClassification.from_pretrained(
                checkpoint.directory,
                dtype=placement.dtype,
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except (SafetensorError, OSError, ValueError, RuntimeError, ImportError, KeyError, TypeError) as error:
        raise CorruptFile(
            f"{checkpoint.directory}: transformers cannot load it ({type(error).__name__}: {error}).",
            remedy="Fetch the checkpoint's files again, or save it again with save_pretrained.",
        ) from error
    missing = sorted(report["missing_keys"])
    encoder = model.base_model_prefix + "."
    if head := [name for name in missing if not name.startswith(encoder)]:
        raise MissingHead(f"The weights have no classification head: {', '.join(head)} not found.", remedy=HEAD_REMEDY)
    if missing:
        raise CorruptFile(
            f"The weights lack {len(missing)} tensors, first {missing[0]}.",
            remedy="Fetch the checkpoint's files again.",
        )
    loaded: transformers.PreTrainedModel = model.eval().to(placement.device)
    return loaded


def _describe(checkpoint: Checkpoint, placement: Placement) -> ScorerDescription:
    return ScorerDescription(
        architecture=checkpoint.architecture,
        runtime=f"transformers {transformers.__version__}, torch {torch.__version__}",
        device=str(placement.device),
        device_name=placement.device_name,
        precision=placement.precision,
        packed=False,
        max_pair_tokens=_max_pair_tokens(checkpoint),
        batch_invariant=False,
        notes=(f"computed through transformers over padded batches: {checkpoint.fallback_reason}",),
    )


def _max_pair_tokens(checkpoint: Checkpoint) -> int:
    positions = checkpoint.config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 1:
        return DEFAULT_MAX_PAIR_TOKENS
    if checkpoint.config.get("model_type") in POSITIONS_AFTER_PADDING:
        return positions - (_pad_token_id(checkpoint) + 1)
    return positions


def _pad_token_id(checkpoint: Checkpoint) -> int:
    found = checkpoint.config.get("pad_token_id")
    if isinstance(found, int):
        return found
    return 1 if checkpoint.config.get("model_type") in POSITIONS_AFTER_PADDING else 0
