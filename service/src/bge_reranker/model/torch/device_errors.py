"""Recognises what a device reports, in whatever class and wording torch reports it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...engine.scorer import ScorerLost
from .memory_shortage import memory_shortage_reported

LOST_MESSAGES = (
    "device-side assert triggered",
    "an illegal memory access was encountered",
    "an illegal instruction was encountered",
    "misaligned address",
    "invalid program counter",
    "operation not supported on global/shared address space",
    "hardware stack error",
    "unspecified launch failure",
    "the launch timed out and was terminated",
    "uncorrectable ECC error encountered",
    "uncorrectable NVLink error detected",
    "driver shutting down",
    "device is lost",
    "CUBLAS_STATUS_EXECUTION_FAILED",
    "CUDNN_STATUS_EXECUTION_FAILED",
    "unknown error",
)
"""Errors after which every further call fails with the same one until the process is started again.

Source: cudaError_t of the CUDA runtime API 13, "the process must be terminated and relaunched"; torch repeats
cudaGetErrorString. The two libraries report a kernel of theirs that ended so.
"""

_DEVICE_NAMES = ("CUDA", "HIP", "CUBLAS", "CUDNN", "Triton Error")
"""One of them stands in every such message, and tells it from a message that merely says the same."""


@contextmanager
def device_errors_reported() -> Iterator[None]:
    """Turn what the device reports into the engine's exceptions, let everything else pass.

    Raises:
        ScorerOutOfMemory: If the work inside ran out of memory.
        ScorerLost: If the device computes nothing any more for this process.
    """
    try:
        with memory_shortage_reported():
            yield
    except RuntimeError as error:
        # torch.AcceleratorError is one; older versions and compiled kernels raise the plain class.
        message = str(error)
        lost = next((part for part in LOST_MESSAGES if part in message), None)
        if lost is None or not any(name in message for name in _DEVICE_NAMES):
            raise
        raise ScorerLost(lost) from error
