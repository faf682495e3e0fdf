"""A batch of one call, where otherwise several compute at once: it gets every thread, and keeps its bits.

Threads and streams are settled when OpenVINO compiles, so this takes the graph compiled once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .buckets import Block
from .calls import Floats, OpenVinoCalls
from .runtime import CompiledModel


class LoneCall:
    """The graph with all threads in one call.

    Args:
        compiled: The graph, compiled for one call at a time.
    """

    def __init__(self, compiled: CompiledModel) -> None:
        self.calls = OpenVinoCalls(compiled, at_once=1)
        self._proven: set[tuple[int, int]] = set()

    def prove(self, inputs: Mapping[str, Floats], shape: tuple[int, int], expected: Floats) -> None:
        """Compute a call, which builds its kernels, and trust its shape from now on if the bits are those expected.

        Args:
            inputs: Of the graph.
            shape: Rows and length of them.
            expected: What the other compiled form gives for them.
        """
        (found,) = self.calls.results([inputs])
        if found.tobytes() == expected.tobytes():
            self._proven.add(shape)

    def suits(self, blocks: Sequence[Block]) -> bool:
        """Whether a batch is one call, of a shape that is proven."""
        return len(blocks) == 1 and blocks[0].shape in self._proven
