"""How batches reach a device and logits come back: directly on a CPU, through pinned memory on a GPU."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Passage(Protocol):
    """The way of one batch to the device and of its logits back; several may be under way at a time."""

    def send(self, numbers: NDArray[np.int32], into: Tensor | None = None) -> Tensor:
        """Begin to copy int32 (numbers,) to the device; what is launched afterwards finds it there.

        Args:
            numbers: What to copy.
            into: Where to, of the same length; None for memory of its own.
        """
        ...

    def bring(self, logits: Tensor) -> None:
        """Begin to copy float32 (N,) back; what is launched afterwards may overwrite it."""
        ...

    def wait(self) -> NDArray[np.float32]:
        """Wait for what `bring` began to copy; the passage is over then.

        Returns:
            float32 (N,).
        """
        ...


class Transfer(Protocol):
    """Copies between host and device."""

    def open(self) -> Passage:
        """Begin a passage; one that is never waited for is simply dropped."""
        ...


class DirectPassage:
    """For CPUs: nothing is sent."""

    def __init__(self) -> None:
        self._brought = np.empty(0, dtype=np.float32)

    def send(self, numbers: NDArray[np.int32], into: Tensor | None = None) -> Tensor:
        """Send, see `Passage`."""
        sent = torch.from_numpy(numbers)
        return sent if into is None else into.copy_(sent)

    def bring(self, logits: Tensor) -> None:
        """Bring, see `Passage`."""
        self._brought = logits.numpy().copy()

    def wait(self) -> NDArray[np.float32]:
        """Wait, see `Passage`."""
        return self._brought


class DirectTransfer:
    """For CPUs."""

    def open(self) -> Passage:
        """Open, see `Transfer`."""
        return DirectPassage()


class PinnedPassage:
    """For GPUs: both ways through pages that the driver need not copy first, and one wait, for the event of the end.

    The thread sleeps at the event instead of spinning, so that tokenising has the core.

    Args:
        device: Where batches go.
        free: Where it puts itself when it is over, so that its pages serve again.
    """

    def __init__(self, device: torch.device, free: list[PinnedPassage]) -> None:
        self._device = device
        self._free = free
        self._sent = torch.empty(0, dtype=torch.int32)
        self._fetched = torch.empty(0, dtype=torch.float32)
        self._length = 0
        self._done = torch.cuda.Event(blocking=True)

    def send(self, numbers: NDArray[np.int32], into: Tensor | None = None) -> Tensor:
        """Send, see `Passage`."""
        # Whoever had the passage before has waited for its end, so nothing reads the pages any more.
        self._sent = _at_least(self._sent, len(numbers))
        staged = self._sent[: len(numbers)]
        staged.numpy()[:] = numbers
        if into is not None:
            return into.copy_(staged, non_blocking=True)
        return staged.to(self._device, non_blocking=True)

    def bring(self, logits: Tensor) -> None:
        """Bring, see `Passage`."""
        self._fetched = _at_least(self._fetched, len(logits))
        self._length = len(logits)
        self._fetched[: self._length].copy_(logits, non_blocking=True)
        # By default that of the first GPU, whichever this one is, where the event would be over at once.
        self._done.record(torch.cuda.current_stream(self._device))

    def wait(self) -> NDArray[np.float32]:
        """Wait, see `Passage`."""
        self._done.synchronize()
        found: NDArray[np.float32] = self._fetched[: self._length].numpy().copy()
        self._free.append(self)
        return found


class PinnedTransfer:
    """For GPUs: passages serve again once they are over.

    One that is dropped is not among them: its pages go back to torch, which keeps them until the device is done.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._free: list[PinnedPassage] = []

    def open(self) -> Passage:
        """Open, see `Transfer`."""
        return self._free.pop() if self._free else PinnedPassage(self._device, self._free)


def transfer_for(device: torch.device) -> Transfer:
    """Choose by the kind of device."""
    return PinnedTransfer(device) if device.type == "cuda" else DirectTransfer()


def _at_least(buffer: Tensor, length: int) -> Tensor:
    """The buffer, or one of twice the wanted length where it is too small."""
    if len(buffer) >= length:
        return buffer
    return torch.empty(2 * length, dtype=buffer.dtype, pin_memory=True)
