"""The scorer over packed tokens: batches of the engine in, float32 logits out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.batch import Batch, Pair, pack
from ...engine.notes import Note, NoteKind
from ...engine.scorer import ScorerDescription, ScorerLost, ScorerOutOfMemory
from ...settings import BodyChoice
from ..checks.agreement import is_batch_invariant
from ..checks.batch_limits import refuse_outside
from ..checks.trial_pairs import TRIAL_SEED, geometry_trial_pairs
from .device_errors import device_errors_reported
from .network import PLAIN, Bodies, PackedClassifier
from .packing import pack_tokens
from .placement import Placement
from .warm_up import choose_bodies, refuse_replaced, replacement_note

_SOLE_BLOCK_ROWS = 64
"""Rows of every block where blocks of several sizes give different bits."""


class TorchScorer:
    """Scores with the packed network. Serves with plain bodies until `warm_up` has tried the fast ones."""

    def __init__(
        self,
        network: PackedClassifier,
        placement: Placement,
        architecture: str,
        fast: Bodies,
        choice: BodyChoice = "auto",
    ) -> None:
        """Take over a network whose weights are in the plain form.

        Args:
            network: Loaded network.
            placement: Where it lies.
            architecture: Class name of the checkpoint.
            fast: Bodies that warm-up tries.
            choice: Whether it may replace them.
        """
        self._network = network
        self._placement = placement
        self._fast = fast
        self._choice = choice
        self._bodies = PLAIN
        self._description = ScorerDescription(
            architecture=architecture,
            runtime=f"torch {torch.__version__}",
            device=str(placement.device),
            device_name=placement.device_name,
            precision=placement.precision.name,
            packed=True,
            max_pair_tokens=network.geometry.max_pair_tokens,
            batch_invariant=False,
            vocabulary_size=network.geometry.vocabulary_size,
        )

    @property
    def description(self) -> ScorerDescription:
        """What scores; final once `warm_up` has returned."""
        return self._description

    def warm_up(self, max_batch_tokens: int) -> None:
        """Choose bodies, find out whether scores depend on the batch, and on a GPU run the largest batch once.

        Args:
            max_batch_tokens: Largest batch that the engine will send, in tokens.
        """
        notes = self._choose_bodies()
        invariant = self._is_batch_invariant()
        if not invariant and len(self._network.blocks.sizes) > 1:
            # One size of block leaves fewer ways to differ, at the price of more calls.
            self._network.blocks.sizes = (_SOLE_BLOCK_ROWS,)
            invariant = self._is_batch_invariant()
            notes += (Note(NoteKind.SOLE_BLOCK_SIZE, {"rows": _SOLE_BLOCK_ROWS}),)
        if self._placement.device.type == "cuda":
            notes += self._try_largest_batch(max_batch_tokens)
        self._description = replace(
            self._description, batch_invariant=invariant, notes=notes, bodies=self._bodies.names
        )

    def warm_up_further(self) -> bool:
        """There is nothing more to warm up."""
        return False

    def score(self, batch: Batch) -> NDArray[np.float32]:
        """Compute the logits of a batch, as `Scorer.score` says.

        Raises:
            ScorerOutOfMemory: If the device has no room for the batch.
            ScorerLost: If the device computes nothing any more.
            ValueError: If a pair does not fit the model; this is a bug of the caller.
        """
        return self._score(batch, self._bodies)

    def close(self) -> None:
        """Free the weights and what the device's allocator keeps."""
        del self._network
        if self._placement.device.type == "cuda":
            torch.cuda.empty_cache()

    def _score(self, batch: Batch, bodies: Bodies) -> NDArray[np.float32]:
        refuse_outside(batch, self._network.geometry)
        device = self._placement.device
        with device_errors_reported(), torch.inference_mode():
            packed = pack_tokens(batch, self._network.geometry, self._network.blocks.granularity_rows, device)
            sorted_logits = self._network(packed, bodies).cpu().numpy()
        logits = np.empty(len(batch), dtype=np.float32)
        logits[packed.order] = sorted_logits
        return logits

    def _is_batch_invariant(self) -> bool:
        geometry = self._network.geometry
        pairs, companions = geometry_trial_pairs(geometry), geometry_trial_pairs(geometry, TRIAL_SEED + 1)
        return is_batch_invariant(self.score, pairs, companions)

    def _choose_bodies(self) -> tuple[Note, ...]:
        fast, plain = self._fast, PLAIN.linear
        notes: tuple[Note, ...] = ()
        try:
            self._network.repack(plain, fast.linear)
        except ScorerLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a fast body raises, the plain one can serve
            note = replacement_note("linear", fast.linear.name, f"it raised {type(error).__name__}: {error}")
            fast, notes = replace(fast, linear=plain), (note,)
        batch = pack(geometry_trial_pairs(self._network.geometry))
        choice = choose_bodies(lambda bodies: self._score(batch, bodies), fast, self._placement.precision)
        self._bodies = choice.bodies
        if choice.bodies.linear is not fast.linear and not fast.linear.is_lossy:
            self._network.repack(fast.linear, plain)
            self._bodies = replace(choice.bodies, linear=plain)
        notes += choice.notes
        if self._choice == "fast":
            refuse_replaced(notes)
        return notes

    def _try_largest_batch(self, max_batch_tokens: int) -> tuple[Note, ...]:
        longest = self._network.geometry.max_pair_tokens
        tokens = np.full(longest, self._network.geometry.pad_token_id, dtype=np.int32)
        pair = Pair(tokens, np.zeros(longest, dtype=np.int8))
        try:
            self.score(pack([pair] * max(1, max_batch_tokens // longest)))
        except ScorerOutOfMemory:
            return (Note(NoteKind.LARGEST_BATCH_TOO_LARGE, {"tokens": max_batch_tokens}),)
        return ()
