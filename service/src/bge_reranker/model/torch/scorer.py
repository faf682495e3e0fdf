"""The scorer over packed tokens: batches of the engine in, float32 logits out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.batch import Batch, Pair, pack
from ...engine.notes import Note, NoteKind
from ...engine.scorer import ScorerDescription, ScorerLost, ScorerOutOfMemory
from ...settings import BodyChoice
from ..checks.agreement import disagreement, is_batch_invariant
from ..checks.batch_limits import refuse_outside
from ..checks.trial_pairs import TRIAL_SEED, geometry_trial_pairs
from .device_errors import device_errors_reported
from .graphs import GraphRecorder, TieredGraphs, tiers_of
from .network import PLAIN, Bodies, PackedClassifier
from .packing import lay_out
from .placement import Placement
from .transfer import Passage, transfer_for
from .warm_up import choose_bodies, refuse_replaced, replacement_note

_SOLE_BLOCK_ROWS = 64
"""Rows of every block where blocks of several sizes give different bits."""


_DEVICE_BATCHES = 2
"""Batches that a GPU has at a time: one that it computes, and one that it begins without waiting for the processor."""


@dataclass(frozen=True, slots=True, eq=False)
class LaunchedBatch:
    """Logits on their way back."""

    passage: Passage
    order: NDArray[np.int64]
    """int64 (N,): as of `Layout`."""

    def fetch(self) -> NDArray[np.float32]:
        """Wait for them, see `Launched`.

        Returns:
            float32 (N,): in the order of the batch.
        """
        with device_errors_reported():
            sorted_logits = self.passage.wait()
        logits = np.empty(len(self.order), dtype=np.float32)
        logits[self.order] = sorted_logits
        return logits


class TorchScorer:
    """Scores with the packed network. Serves with plain bodies until `warm_up` has tried the fast ones."""

    def __init__(
        self,
        network: PackedClassifier,
        placement: Placement,
        architecture: str,
        fast: Bodies,
        choice: BodyChoice = "auto",
        recorder: GraphRecorder | None = None,
    ) -> None:
        """Take over a network whose weights are in the plain form.

        Args:
            network: Loaded network.
            placement: Where it lies.
            architecture: Class name of the checkpoint.
            fast: Bodies that warm-up tries.
            choice: Whether it may replace them.
            recorder: Records small batches as graphs, where the device can.
        """
        self._network = network
        self._placement = placement
        self._fast = fast
        self._choice = choice
        self._recorder = recorder
        self._bodies = PLAIN
        self._graphs: TieredGraphs | None = None
        self._is_settled = False
        self._transfer = transfer_for(placement.device)
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
            batches_in_flight=1 if placement.is_cpu else _DEVICE_BATCHES,
        )

    @property
    def description(self) -> ScorerDescription:
        """What scores; final once `warm_up` has returned."""
        return self._description

    def warm_up(self, max_batch_tokens: int) -> None:
        """Choose bodies, find out whether scores depend on the batch, and on a GPU run the largest batch once.

        Args:
            max_batch_tokens: Largest batch that the engine will send, in tokens.

        Raises:
            ScorerOutOfMemory: If the device has no room for that; called again with fewer tokens, it tries those.
        """
        if not self._is_settled:
            self._settle()
            self._is_settled = True
        if not self._placement.is_cpu:
            self._try_largest_batch(max_batch_tokens)

    def _settle(self) -> None:
        """Choose bodies, record graphs, and find out whether scores depend on the batch."""
        notes = self._choose_bodies() + self._record_graphs()
        if self._choice == "fast":
            refuse_replaced(notes)
        invariant = self._is_batch_invariant()
        if not invariant and len(self._network.blocks.sizes) > 1:
            # One size of block leaves fewer ways to differ, at the price of more calls.
            self._network.blocks.sizes = (_SOLE_BLOCK_ROWS,)
            invariant = self._is_batch_invariant()
            notes += (Note(NoteKind.SOLE_BLOCK_SIZE, {"rows": _SOLE_BLOCK_ROWS}),)
        self._description = replace(self._description, batch_invariant=invariant, notes=notes, bodies=self._body_names)

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
        return self.launch(batch).fetch()

    def launch(self, batch: Batch) -> LaunchedBatch:
        """Have a batch computed behind those that were launched before, as `LaunchingScorer.launch` says.

        Raises:
            ScorerOutOfMemory: If the device has no room for the batch.
            ScorerLost: If the device computes nothing any more.
            ValueError: If a pair does not fit the model; this is a bug of the caller.
        """
        return self._launch(batch, self._bodies, self._graphs)

    def close(self) -> None:
        """Free the weights and what the device's allocator keeps."""
        self._graphs = None
        del self._network
        if self._placement.device.type == "cuda":
            torch.cuda.empty_cache()

    def _score(self, batch: Batch, bodies: Bodies, graphs: TieredGraphs | None = None) -> NDArray[np.float32]:
        return self._launch(batch, bodies, graphs).fetch()

    def _launch(self, batch: Batch, bodies: Bodies, graphs: TieredGraphs | None) -> LaunchedBatch:
        refuse_outside(batch, self._network.geometry)
        layout = lay_out(batch, self._network.geometry, self._network.blocks.granularity_rows)
        with device_errors_reported(), torch.inference_mode():
            passage = self._transfer.open()
            # All in one stream: inputs, results and memory of one batch are free for the next as soon as it begins.
            computed = None if graphs is None else graphs.run(layout, passage)
            if computed is None:
                computed = self._network(layout.place(passage.send(layout.numbers)), bodies)
            passage.bring(computed)
        return LaunchedBatch(passage, layout.order)

    @property
    def _body_names(self) -> dict[str, str]:
        if self._recorder is None:
            return self._bodies.names
        return {**self._bodies.names, "launches": "plain" if self._graphs is None else "graphs"}

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
        return notes + choice.notes

    def _record_graphs(self) -> tuple[Note, ...]:
        """Record the tiers and compare them with launches one by one."""
        if self._recorder is None or not self._bodies.attention.can_be_recorded:
            return ()
        graphs = TieredGraphs(self._network.geometry, tiers_of(self._network.geometry))
        try:
            with device_errors_reported(), torch.inference_mode():
                graphs.record(
                    self._recorder, lambda packed: self._network(packed, self._bodies), self._placement.device
                )
            objection = self._objection_to(graphs)
        except ScorerLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever recording raises, launches one by one can serve
            objection = f"it raised {type(error).__name__}: {error}"
        if objection is not None:
            return (replacement_note("launches", "graphs", objection),)
        self._graphs = graphs
        return ()

    def _objection_to(self, graphs: TieredGraphs) -> str | None:
        pairs = geometry_trial_pairs(self._network.geometry)
        tokens = sum(map(len, pairs))
        for tier in graphs.tiers:
            batch = pack(pairs * max(1, tier.tokens // tokens))
            found, expected = self._score(batch, self._bodies, graphs), self._score(batch, self._bodies)
            objection = disagreement(found, expected, self._placement.precision)
            if objection is not None:
                return f"of {tier.tokens} tokens, {objection}"
        return None

    def _try_largest_batch(self, max_batch_tokens: int) -> None:
        """Compute a batch of the largest size, so that the engine sends none for which there is no memory."""
        longest = self._network.geometry.max_pair_tokens
        tokens = np.full(longest, self._network.geometry.pad_token_id, dtype=np.int32)
        pair = Pair(tokens, np.zeros(longest, dtype=np.int8))
        try:
            self.score(pack([pair] * max(1, max_batch_tokens // longest)))
        except ScorerOutOfMemory:
            note = Note(NoteKind.LARGEST_BATCH_TOO_LARGE, {"tokens": max_batch_tokens})
            kept = tuple(each for each in self._description.notes if each.kind is not note.kind)
            self._description = replace(self._description, notes=(*kept, note))
            raise
