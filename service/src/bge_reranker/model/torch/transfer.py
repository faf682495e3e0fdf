"""How batches reach a device and logits come back: directly on a CPU, through pinned memory on a GPU."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Transfer(Protocol):
    """Copies between host and device; one batch is under way at a time."""

    def send(self, numbers: NDArray[np.int32], into: Tensor | None = None) -> Tensor:
        """Begin to copy int32 (numbers,) to the device; what is launched afterwards finds it there.

        Args:
            numbers: What to copy.
            into: Where to, of the same length; None for memory of its own.
        """
        ...

    def fetch(self, logits: Tensor) -> NDArray[np.float32]:
        """Wait for float32 (N,) and bring it back."""
        ...


class DirectTransfer:
    """For CPUs: nothing is copied."""

    def send(self, numbers: NDArray[np.int32], into: Tensor | None = None) -> Tensor:
        """Send, see `Transfer`."""
        sent = torch.from_numpy(numbers)
        return sent if into is None else into.copy_(sent)

    def fetch(self, logits: Tensor) -> NDArray[np.float32]:
        """Fetch, see `Transfer`."""
        found: NDArray[np.float32] = logits.numpy()
        return found


class PinnedTransfer:
    """For GPUs: both ways through pages that the driver need not copy first, and one wait, for the event of the end.

    The thread sleeps at the event instead of spinning, so that tokenising has the core.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._sent = torch.empty(0, dtype=torch.int32)
        self._fetched = torch.empty(0, dtype=torch.float32)
        self._done = torch.cuda.Event(blocking=True)

    def send(self, numbers: NDArray[np.int32], into: Tensor | None = None) -> Tensor:
        """Send, see `Transfer`."""
        # Whoever fetched the batch before has waited for its end, so nothing reads the buffer any more.
        self._sent = _at_least(self._sent, len(numbers))
        staged = self._sent[: len(numbers)]
        staged.numpy()[:] = numbers
        if into is not None:
            return into.copy_(staged, non_blocking=True)
        return staged.to(self._device, non_blocking=True)

    def fetch(self, logits: Tensor) -> NDArray[np.float32]:
        """Fetch, see `Transfer`."""
        self._fetched = _at_least(self._fetched, len(logits))
        fetched = self._fetched[: len(logits)]
        fetched.copy_(logits, non_blocking=True)
        self._done.record()
        self._done.synchronize()
        found: NDArray[np.float32] = fetched.numpy().copy()
        return found


def transfer_for(device: torch.device) -> Transfer:
    """Choose by the kind of device."""
    return PinnedTransfer(device) if device.type == "cuda" else DirectTransfer()


def _at_least(buffer: Tensor, length: int) -> Tensor:
    """The buffer, or one of twice the wanted length where it is too small."""
    if len(buffer) >= length:
        return buffer
    return torch.empty(2 * length, dtype=buffer.dtype, pin_memory=True)
