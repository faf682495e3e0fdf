"""Calls of a compiled graph, one or several computing at once, without a pause."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from .runtime import CompiledModel, InferRequest

Floats = NDArray[np.float32]


class OpenVinoCalls:
    """Runs calls from one thread: while some compute, the inputs of the next are made and wait.

    Args:
        compiled: A graph with one output.
        at_once: Calls that it computes at once, its NUM_STREAMS.
    """

    def __init__(self, compiled: CompiledModel, at_once: int) -> None:
        self._requests = [compiled.create_infer_request() for _ in range(at_once + 1)]

    def results(self, inputs: Iterable[Mapping[str, Floats]]) -> Generator[Floats, None, None]:
        """Give the output of each call, in the order of the inputs, which are read as their turn comes.

        Raises:
            RuntimeError: If a call fails; none is under way afterwards.
        """
        free, under_way = deque(self._requests), deque[InferRequest]()
        try:
            for named in inputs:
                if not free:
                    free.append(under_way.popleft())
                    yield _output(free[-1])
                under_way.append(free.popleft())
                under_way[-1].start_async(named, share_inputs=True)
            while under_way:
                yield _output(under_way.popleft())
        finally:
            for request in under_way:
                with suppress(RuntimeError):
                    request.wait()


def _output(request: InferRequest) -> Floats:
    request.wait()
    # A copy: the next call of this request writes into the same memory.
    return np.array(request.get_output_tensor().data, dtype=np.float32)
