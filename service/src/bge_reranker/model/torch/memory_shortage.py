"""Recognises that a device ran out of memory, however torch reports it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ...engine.scorer import ScorerOutOfMemory

ALLOCATION_FAILURES = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "could not create a memory object",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""Parts of the RuntimeErrors by which torch's allocators, oneDNN, cuBLAS and cuDNN report a failed allocation."""


@contextmanager
def memory_shortage_reported() -> Iterator[None]:
    """Turn any report of too little memory into `ScorerOutOfMemory`, let everything else pass.

    Raises:
        ScorerOutOfMemory: If the work inside ran out of memory.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ScorerOutOfMemory(str(error)) from error
    except RuntimeError as error:
        if any(part in str(error) for part in ALLOCATION_FAILURES):
            raise ScorerOutOfMemory(str(error)) from error
        raise
