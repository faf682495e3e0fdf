"""The scorer of CPUs: batches of the engine in, float32 logits out, computed by OpenVINO without torch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.batch import Batch, pack
from ...engine.notes import Note, NoteKind
from ...engine.scorer import ScorerDescription, ScorerOutOfMemory
from ...precision import BFLOAT16, FLOAT32, INT8, Precision
from ..checkpoint.arrays import StoredTensor
from ..checkpoint.folder import Checkpoint
from ..checkpoint.int8 import FLOAT_PARTS
from ..checks.agreement import disagreement, is_batch_invariant
from ..checks.batch_limits import refuse_outside
from ..checks.trial_pairs import TRIAL_SEED, geometry_trial_pairs
from ..machine.processor import (
    gains_by_bfloat16,
    instruction_sets,
    multiplies_int8,
    processor_name,
    processor_vendor,
)
from .buckets import Block, all_buckets, bucket_step, rows_within, split
from .calls import OpenVinoCalls
from .embedding_rows import EmbeddingRows
from .graph import HIDDEN, MASK, build_graph
from .lone_call import LoneCall
from .plain_network import PlainNetwork
from .runtime import CompiledModel, openvino
from .signal_stack import kept_signal_stack

logger = logging.getLogger(__name__)

CALL_TOKENS_PER_THREAD = 320
"""Tokens of one call where rows may be computed together, for each of its threads: two rows of 160."""

_FURTHER_WARM_UP_S = 5.0
"""Seconds for building kernels while nobody waits, once the model serves; a shape that was left out is built when it
first comes."""

_LONE_WARM_UP_S = 10.0
"""The same where shapes are tried for lone calls, too; one that was left out is computed as others are."""

_TRIAL_TOKENS = 40
"""Longest trial pair that is compared with the plain network, which is slow."""

_NO_MEMORY = ("bad_alloc", "not enough memory", "Cannot allocate memory", "can't alloc")
"""Parts of the RuntimeErrors by which OpenVINO reports a failed allocation."""

_NO_ROOM = (
    "There is no memory for the weights a second time, so a pair that is asked for alone has half of the threads; "
    "raise the memory limit if such requests have to be fast."
)

_MASKED = float(np.finfo(np.float32).min)


class OpenVinoScorer:
    """Scores small blocks of pairs of one length bucket each.

    In float32 a pair is a call of its own: its shape then depends on itself alone, and so do its bits. In int8 sums are
    integers and rows do not influence one another's bits, so they share calls; warm-up checks that. Its batches have so
    many calls that two compute at once; in float32 one of them would wait too often for the other at a batch's end.

    Args:
        checkpoint: Of the packed family.
        tensors: Its tensors, mapped.
        precision: One that OpenVINO computes.
        threads: Threads that compute.
        has_room: Asked once the model serves: whether there is memory for its weights a second time. With them a call
            that is alone gets all threads where else it would have those of one of two.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        tensors: dict[str, StoredTensor],
        precision: Precision,
        threads: int,
        has_room: Callable[[], bool] = lambda: False,
    ) -> None:
        if checkpoint.geometry is None:
            raise ValueError(f"{checkpoint.architecture} has no packed network; this is a bug")
        self._geometry = checkpoint.geometry
        self._precision = precision
        self._tensors = tensors
        self._has_room = has_room
        self._embeddings = EmbeddingRows(tensors, self._geometry)
        self._plain = PlainNetwork(tensors, self._geometry)
        self._serves_plain = False
        self._shapes: Iterator[tuple[int, int]] = iter(())
        self._warm_until = 0.0
        self._max_batch_tokens = 0
        self._lone: LoneCall | None = None
        self._source = np.random.default_rng(TRIAL_SEED)
        last = self._geometry.family.logit
        self._last_weight = tensors[f"{last}.weight"].floats()[0].astype(np.float64)
        self._last_bias = float(tensors[f"{last}.bias"].floats()[0])
        hint = _float_parts(checkpoint, precision).openvino_hint
        self._hint, self._threads = hint, threads
        self._at_once, self._call_tokens = 1, 0
        if precision is not FLOAT32:
            self._at_once = _calls_at_once(threads)
            self._call_tokens = CALL_TOKENS_PER_THREAD * threads // self._at_once
        with _memory_shortage_reported():
            self._calls = OpenVinoCalls(self._compiled(self._at_once), self._at_once)
        self._description = ScorerDescription(
            architecture=checkpoint.architecture,
            runtime=f"openvino {openvino.__version__.split('-')[0]}",
            device="cpu",
            device_name=processor_name(),
            precision=precision.name,
            packed=True,
            max_pair_tokens=self._geometry.max_pair_tokens,
            batch_invariant=False,
            vocabulary_size=self._geometry.vocabulary_size,
            threads=threads,
            instruction_sets=instruction_sets(),
            precision_hint=hint,
            quantisation=checkpoint.quantisation,
        )

    @property
    def description(self) -> ScorerDescription:
        """What scores; final once `warm_up` has returned."""
        return self._description

    def warm_up(self, max_batch_tokens: int) -> None:
        """Compare with the plain network, and find out whether scores depend on the batch.

        Args:
            max_batch_tokens: Largest batch that the engine will send, in tokens.
        """
        notes = self._compare_with_plain()
        if self._precision is INT8 and not multiplies_int8(instruction_sets()):
            notes += (Note(NoteKind.NO_INT8_PRODUCTS),)
        invariant = self._is_batch_invariant()
        if not invariant and self._call_tokens:
            self._call_tokens = 0
            invariant = self._is_batch_invariant()
            notes += (Note(NoteKind.PAIRS_APART),)
        if not self._serves_plain:
            self._max_batch_tokens = max_batch_tokens
            self._shapes = self._shapes_of(max_batch_tokens)
        self._description = replace(self._description, batch_invariant=invariant, notes=notes)

    def warm_up_further(self) -> bool:
        """Compile for lone calls, then build the kernels of one more shape, as `Scorer.warm_up_further` says.

        Raises:
            ScorerOutOfMemory: If there is no memory for it.
        """
        with _memory_shortage_reported():
            if not self._warm_until:
                self._compile_for_lone_calls()
                seconds = _FURTHER_WARM_UP_S if self._lone is None else _LONE_WARM_UP_S
                self._warm_until = time.monotonic() + seconds
                return True
            return self._build_next_kernels() and time.monotonic() < self._warm_until

    def score(self, batch: Batch) -> NDArray[np.float32]:
        """Compute the logits of a batch, as `Scorer.score` says.

        Raises:
            ScorerOutOfMemory: If there is no memory for a block.
            ValueError: If a pair does not fit the model; this is a bug of the caller.
        """
        refuse_outside(batch, self._geometry)
        lengths = np.diff(batch.cu_seqlens).astype(np.int64)
        logits = np.empty(len(batch), dtype=np.float32)
        blocks = split(lengths, self._geometry.max_pair_tokens, self._call_tokens)
        inputs = (self._inputs(batch, block, lengths) for block in blocks)
        with _memory_shortage_reported():
            states = self._plain_states(inputs) if self._serves_plain else self._calls_for(blocks).results(inputs)
            for block, found in zip(blocks, states, strict=True):
                logits[block.pairs] = self._last_product(found)
        return logits

    def close(self) -> None:
        """Free the weights."""
        del self._calls, self._lone, self._plain, self._embeddings, self._tensors

    def _compiled(self, at_once: int) -> CompiledModel:
        graph = build_graph(self._tensors, self._geometry, int8_products=multiplies_int8(instruction_sets()))
        with kept_signal_stack():
            return openvino.Core().compile_model(graph, "CPU", _options(self._hint, self._threads, at_once))

    def _compile_for_lone_calls(self) -> None:
        if self._at_once == 1 or self._serves_plain:
            return
        if not self._has_room():
            logger.info("%s", _NO_ROOM)
            return
        self._lone = LoneCall(self._compiled(at_once=1))
        # From the first one again: what is built already runs fast, and gives what the others are compared with.
        self._shapes = self._shapes_of(self._max_batch_tokens)

    def _calls_for(self, blocks: Sequence[Block]) -> OpenVinoCalls:
        return self._lone.calls if self._lone is not None and self._lone.suits(blocks) else self._calls

    def _inputs(self, batch: Batch, block: Block, lengths: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        """Look up a block's pairs, float32 (N, L, H), and mask what is no token of theirs, float32 (N, 1, 1, L)."""
        tokens = np.full(block.shape, self._geometry.pad_token_id, dtype=np.int64)
        types = np.zeros(block.shape, dtype=np.int64)
        mask = np.full((len(block.pairs), 1, 1, block.length), _MASKED, dtype=np.float32)
        for row, pair in enumerate(block.pairs):
            start, length = batch.cu_seqlens[pair], lengths[pair]
            tokens[row, :length] = batch.tokens[start : start + length]
            types[row, :length] = batch.types[start : start + length]
            mask[row, ..., :length] = 0
        return {HIDDEN: self._embeddings.look_up(tokens, types), MASK: mask}

    def _plain_states(self, inputs: Iterable[dict[str, NDArray[np.float32]]]) -> Iterator[NDArray[np.float32]]:
        """Compute the head's states of each block's pairs without OpenVINO, each pair by itself: float32 (N, H)."""
        for named in inputs:
            lengths = (named[MASK] == 0).sum(axis=-1).ravel()
            rows = zip(named[HIDDEN], lengths, strict=True)
            yield np.concatenate([self._plain.states([embedded[:length]]) for embedded, length in rows])

    def _last_product(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        # A sum along each row alone, in float64: a matrix product's rounding would depend on the number of rows.
        sums: NDArray[np.float64] = (states * self._last_weight).sum(axis=1) + self._last_bias
        return sums.astype(np.float32)

    def _compare_with_plain(self) -> tuple[Note, ...]:
        pairs = [pair for pair in geometry_trial_pairs(self._geometry) if len(pair) <= _TRIAL_TOKENS]
        batch = pack(pairs)
        rows = ((pair.tokens[None].astype(np.int64), pair.types[None].astype(np.int64)) for pair in pairs)
        embedded = [self._embeddings.look_up(tokens, types)[0] for tokens, types in rows]
        expected = self._last_product(self._plain.states(embedded))
        try:
            objection = disagreement(self.score(batch), expected, self._precision)
        except RuntimeError as error:
            # OpenVINO's messages fill several lines.
            objection = f"it raised {type(error).__name__}: {' '.join(str(error).split())}"
        if objection is None:
            return ()
        self._serves_plain = True
        note = Note(NoteKind.RUNTIME_REPLACED, {"runtime": "OpenVINO", "objection": objection})
        logger.warning("%s", note)
        return (note,)

    def _is_batch_invariant(self) -> bool:
        geometry = self._geometry
        pairs = geometry_trial_pairs(geometry)
        if self._call_tokens:
            return is_batch_invariant(self.score, pairs, geometry_trial_pairs(geometry, TRIAL_SEED + 1))
        # Each is a call of its own, whatever rides along: all that could differ is the same call, made again.
        pairs = [pair for pair in pairs if len(pair) <= _TRIAL_TOKENS]
        found, reversed_ = self.score(pack(pairs)), self.score(pack(pairs[::-1]))
        return found.tobytes() == reversed_[::-1].tobytes()

    def _build_next_kernels(self) -> bool:
        """Run one shape, those of single pairs first; gives whether there was one."""
        shape = next(self._shapes, None)
        if shape is None:
            return False
        rows, length = shape
        hidden = self._source.standard_normal((rows, length, self._geometry.hidden_size), dtype=np.float32)
        inputs = {HIDDEN: hidden, MASK: np.zeros((rows, 1, 1, length), np.float32)}
        # Those that compute at once have kernels of their own.
        *_, found = self._calls.results([inputs] * self._at_once)
        if self._lone is not None:
            self._lone.prove(inputs, shape, expected=found)
        return True

    def _shapes_of(self, max_batch_tokens: int) -> Iterator[tuple[int, int]]:
        """Rows and lengths of the blocks that serving meets."""
        lengths = all_buckets(self._geometry.max_pair_tokens, bucket_step(self._call_tokens))
        most = {length: rows_within(length, min(self._call_tokens, max_batch_tokens)) for length in lengths}
        for rows in (1 << power for power in range(max(most.values()).bit_length())):
            yield from ((rows, length) for length in lengths if rows <= most[length])


def _float_parts(checkpoint: Checkpoint, precision: Precision) -> Precision:
    """Choose the format of what is not in 8 bits: bfloat16 costs accuracy, and pays only where it is faster."""
    allows = precision is INT8 and (checkpoint.quantisation or {}).get(FLOAT_PARTS) == BFLOAT16.name
    return BFLOAT16 if allows and gains_by_bfloat16(instruction_sets(), processor_vendor()) else precision


def _calls_at_once(threads: int) -> int:
    """Say how many calls compute at once, with equal numbers of threads, where a batch has many calls.

    Threads of one call wait for one another at every product, the longer the busier the machine is with other things;
    half as many wait less. No more than two, since the last pairs of a batch have the threads of one call.
    """
    return 2 if threads % 2 == 0 else 1


def _options(hint: str | None, threads: int, at_once: int) -> dict[str, Any]:
    return {
        # Without it OpenVINO computes float32 graphs in bfloat16 where the CPU can.
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": at_once,
        # Pinned threads of several processes would sit on the same cores.
        "ENABLE_CPU_PINNING": False,
    }


@contextmanager
def _memory_shortage_reported() -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise ScorerOutOfMemory(str(error)) from error
    except RuntimeError as error:
        if any(part in str(error) for part in _NO_MEMORY):
            raise ScorerOutOfMemory(str(error)) from error
        raise
