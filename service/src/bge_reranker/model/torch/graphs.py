"""Recorded graphs: small batches replayed as one launch instead of some two hundred.

A graph has a fixed number of rows and sequences, its tier; a batch is padded to the smallest tier that holds it. Large
batches keep the device busy while they are launched, so there padding would cost more than a graph saves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..families.geometry import Geometry
from .packing import Layout, PackedInput, pad_to
from .transfer import Passage

TIER_TOKENS = (128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
"""Rows of the tiers: a third of them at most is padding, from the second tier on."""

_TOKENS_OF_A_SEQUENCE = 16
"""Tokens of the shortest pairs that fill a tier; a batch of shorter ones takes the next tier."""

_LONGEST = 512
"""Longest sequence in a graph, in tokens; a batch with a longer one is launched."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One size of batch."""

    tokens: int
    """Rows."""

    sequences: int
    """Places of sequences, padding included."""

    longest: int
    """Most tokens of a sequence."""

    def holds(self, layout: Layout) -> bool:
        """Whether the batch and its padding fit."""
        left = self.tokens - layout.rows
        padding = -(-left // self.longest)
        return left >= 0 and len(layout.lengths) + padding <= self.sequences and layout.lengths.max() <= self.longest


def tiers_of(geometry: Geometry, tokens: Sequence[int] = TIER_TOKENS) -> tuple[Tier, ...]:
    """List the tiers of a model, smallest first."""
    longest = min(_LONGEST, geometry.max_pair_tokens)
    return tuple(Tier(size, size // _TOKENS_OF_A_SEQUENCE + -(-size // longest), longest) for size in tokens)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded computation."""

    output: Tensor
    """Where each replay leaves its result."""

    replay: Callable[[], object]
    """Compute again from what the inputs then hold."""


class GraphRecorder(Protocol):
    """Records what is launched on a device."""

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        """Run a computation as often as recording wants, and keep its launches."""
        ...


class CudaGraphRecorder:
    """CUDA graphs, whose intermediate results share one pool of memory since only one is replayed at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        """Record, see `GraphRecorder`."""
        with torch.cuda.device(self._device):
            # Libraries choose kernels and take their workspaces at the first calls, which may not be recorded.
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(2):
                    compute()
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                output = compute()
        return Recording(output, graph.replay)


class TieredGraphs:
    """The graphs of all tiers.

    Args:
        geometry: Of the network.
        tiers: Smallest first.
    """

    def __init__(self, geometry: Geometry, tiers: Sequence[Tier]) -> None:
        self._geometry = geometry
        self.tiers = tuple(tiers)
        """Smallest first."""
        self._graphs: dict[Tier, tuple[Tensor, Recording]] = {}

    def record(self, recorder: GraphRecorder, compute: Callable[[PackedInput], Tensor], device: torch.device) -> None:
        """Record every tier, the largest first: the others then find their memory in its pool.

        Args:
            recorder: The device's.
            compute: Gives float32 (N,) of a batch.
            device: Where the inputs of graphs lie.
        """
        for tier in reversed(self.tiers):
            self._graphs[tier] = self._recorded(tier, recorder, compute, device)

    def _recorded(
        self, tier: Tier, recorder: GraphRecorder, compute: Callable[[PackedInput], Tensor], device: torch.device
    ) -> tuple[Tensor, Recording]:
        layout = self._pad(_shortest_layout(self._geometry), tier)
        numbers = torch.from_numpy(layout.numbers).to(device)
        # Kernels are launched for the longest sequence that may come, whatever the one at hand is.
        packed = layout.place(numbers, tier.longest)
        return numbers, recorder.record(lambda: compute(packed))

    def run(self, layout: Layout, passage: Passage) -> Tensor | None:
        """Compute a batch by replay.

        Args:
            layout: Without blocks.
            passage: Takes it to the device.

        Returns:
            float32 (N,): logits, overwritten when the next replay runs; None where no tier holds the batch.
        """
        tier = next((each for each in self.tiers if each in self._graphs and each.holds(layout)), None)
        if tier is None:
            return None
        numbers, recording = self._graphs[tier]
        passage.send(self._pad(layout, tier).numbers, numbers)
        recording.replay()
        return recording.output[: len(layout.order)]

    def _pad(self, layout: Layout, tier: Tier) -> Layout:
        return pad_to(layout, tier.tokens, tier.sequences, tier.longest, self._geometry)


def _shortest_layout(geometry: Geometry) -> Layout:
    """A batch of one pair of one padding token, which every tier holds."""
    numbers = np.array([geometry.pad_token_id, 0, 0, 0, 1, 0, 0, 1], dtype=np.int32)
    return Layout(numbers, 1, np.ones(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
