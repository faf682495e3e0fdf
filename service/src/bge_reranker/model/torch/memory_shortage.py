"""Recognises that a device ran out of memory, in whatever words torch says it.

What belongs here: the translation into the engine's exception. What must not: any reaction to it (the worker's duty).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ...engine.scorer import ScorerOutOfMemory

ALLOCATION_WORDS = (
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
        if any(words in str(error) for words in ALLOCATION_WORDS):
            raise ScorerOutOfMemory(str(error)) from error
        raise
