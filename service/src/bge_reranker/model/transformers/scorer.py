"""The scorer for every other one-logit architecture: transformers computes it, over padded batches."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor

from ...engine.batch import Batch, pack
from ...engine.notes import Note, NoteKind
from ...engine.scorer import ScorerDescription
from ..checkpoint.folder import Checkpoint
from ..checks.agreement import disagreement, is_batch_invariant
from ..checks.trial_pairs import TRIAL_SEED, trial_pairs
from ..torch.device_errors import device_errors_reported
from ..torch.placement import Placement
from .model import load_model
from .position_limit import position_limit

MAX_PADDED_TOKENS = 8_192
"""Most tokens of one call, padding included; a batch of the engine is computed in as many calls as it takes."""

DEFAULT_MAX_PAIR_TOKENS = 512
"""Longest pair where neither config.json nor a table of the model names a number of positions."""

_TRIAL_VOCABULARY = 1_000
"""Token ids that trial pairs are made of where a model has no table of words."""


class TransformersScorer:
    """Scores with a model of transformers, longest pairs first, padded on the right with a mask."""

    def __init__(
        self,
        model: transformers.PreTrainedModel,
        placement: Placement,
        description: ScorerDescription,
        *,
        claims_length: bool = True,
    ) -> None:
        """Take over a loaded model.

        Args:
            model: Sequence classifier with one logit, in evaluation mode.
            placement: Where it lies.
            description: What it is; notes say why it is not packed.
            claims_length: Whether the longest pair in it was named by config.json, or is a guess.
        """
        self._model = model
        self._placement = placement
        self._pad_token_id = int(model.config.pad_token_id or 0)
        self._max_call_tokens = MAX_PADDED_TOKENS
        self._takes_types = "token_type_ids" in inspect.signature(model.forward).parameters
        limit = position_limit(self._compute_equal_tokens)
        if limit is not None and (limit < description.max_pair_tokens or not claims_length):
            description = replace(description, max_pair_tokens=limit)
        self._description = description

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
        vocabulary = self._description.vocabulary_size or _TRIAL_VOCABULARY
        longest = self._description.max_pair_tokens
        pairs = trial_pairs(vocabulary, longest, first_token=self._pad_token_id + 1)
        companions = trial_pairs(vocabulary, longest, TRIAL_SEED + 1, first_token=self._pad_token_id + 1)
        alone = np.concatenate([self.score(pack([pair])) for pair in pairs])
        objection = disagreement(self.score(pack(pairs)), alone, self._placement.precision)
        notes = self._description.notes
        if objection is not None:
            self._max_call_tokens = 0
            notes += (Note(NoteKind.UNPADDED, {"objection": objection}),)
        invariant = is_batch_invariant(self.score, pairs, companions)
        self._description = replace(self._description, batch_invariant=invariant, notes=notes)

    def warm_up_further(self) -> bool:
        """There is nothing more to warm up."""
        return False

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

    def _compute_equal_tokens(self, tokens: int) -> None:
        """Let the model compute a pair of one token repeated, which is not its padding."""
        token = 1 if self._pad_token_id == 0 else 0
        values = np.full((1, tokens), token, dtype=np.int64)
        mask = self._to_device(np.ones_like(values))
        self._model(input_ids=self._to_device(values), attention_mask=mask, return_dict=True)

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
        logits: NDArray[np.float32] = self._model(**inputs, return_dict=True).logits[:, 0].float().cpu().numpy()
        return logits

    def _to_device(self, values: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(values).to(self._placement.device)


def scorer_of(checkpoint: Checkpoint, placement: Placement) -> TransformersScorer:
    """Load a checkpoint that no packed network computes.

    Raises:
        MissingHead: If tensors of the head are not in the files; transformers would fill them with random numbers.
        CorruptFile: If files cannot be read or contradict one another.
        WrongArchitecture: If the head has another number of outputs than one.
    """
    model = load_model(checkpoint, placement)
    description = ScorerDescription(
        architecture=checkpoint.architecture,
        runtime=f"transformers {transformers.__version__}, torch {torch.__version__}",
        device=str(placement.device),
        device_name=placement.device_name,
        precision=placement.precision.name,
        packed=False,
        max_pair_tokens=_claimed_tokens(checkpoint) or DEFAULT_MAX_PAIR_TOKENS,
        batch_invariant=False,
        vocabulary_size=_vocabulary_size(model),
        notes=(Note(NoteKind.PADDED, {"reason": checkpoint.fallback_reason}),),
    )
    return TransformersScorer(model, placement, description, claims_length=_claimed_tokens(checkpoint) is not None)


def _claimed_tokens(checkpoint: Checkpoint) -> int | None:
    claimed = checkpoint.config.get("max_position_embeddings")
    return claimed if isinstance(claimed, int) and claimed > 0 else None


def _vocabulary_size(model: transformers.PreTrainedModel) -> int | None:
    try:
        table = model.get_input_embeddings()
    except NotImplementedError:
        # CANINE hashes characters and has no table of words.
        return None
    weight = getattr(table, "weight", None)
    return int(weight.shape[0]) if isinstance(weight, Tensor) else None
